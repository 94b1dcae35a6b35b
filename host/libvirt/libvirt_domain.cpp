// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/libvirt_domain.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"
#include "common/text.hpp"

#include <array>
#include <charconv>
#include <cstdlib>

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

namespace frostline::host {

namespace {

/// Newer than the headers of Debian 12 (libvirt 11.2): the agent answered with an error.
constexpr int agent_command_failed = 113;

void stay_quiet(void* /*data*/, virErrorPtr /*error*/) {}

/// libvirt 9.0 tells an error answer of the agent only by the code for "internal error"; later
/// versions have a code of their own. No answer at all has other codes in both.
Result<Reply> read_failure(std::string_view command)
{
    const LibvirtError error = last_libvirt_error();
    const std::string context = "libvirt: " + std::string{command} + ": ";
    if (error.code == VIR_ERR_INTERNAL_ERROR || error.code == agent_command_failed) {
        return Reply{PeerError{"GenericError", error.text}};
    }
    if (error.code == VIR_ERR_AGENT_UNRESPONSIVE || error.code == agent_command_failed - 1) {
        return fail(ErrorKind::timeout, context + error.text);
    }
    return fail(ErrorKind::io, context + error.text);
}

DomainHandle look_up(virConnectPtr connection, const std::string& name)
{
    if (DomainHandle by_name{::virDomainLookupByName(connection, name.c_str())}) {
        return by_name;
    }
    if (DomainHandle by_uuid{::virDomainLookupByUUIDString(connection, name.c_str())}) {
        return by_uuid;
    }
    int id = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, id);
    if (error == std::errc{} && stop == end) {
        return DomainHandle{::virDomainLookupByID(connection, id)};
    }
    return nullptr;
}

} // namespace

void FreeLibvirtObject::operator()(char* text) const noexcept
{
    std::free(text);
}

LibvirtError last_libvirt_error()
{
    const virError* error = ::virGetLastError();
    if (error == nullptr) {
        return {};
    }
    return {error->code, error->message != nullptr ? text::printable(error->message, 2048)
                                                   : std::string{"no reason given"}};
}

Failure libvirt_failure(const std::string& what)
{
    return fail(ErrorKind::io, "libvirt: " + what + ": " + last_libvirt_error().text);
}

std::string LibvirtDomain::uuid()
{
    std::array<char, VIR_UUID_STRING_BUFLEN> text{};
    return ::virDomainGetUUIDString(domain_.get(), text.data()) == 0 ? text.data() : std::string{};
}

bool LibvirtDomain::local()
{
    const LibvirtText uri{::virConnectGetURI(connection_.get())};
    const std::string_view text = uri ? uri.get() : "";
    // DRIVER[+TRANSPORT]://[USER@][HOST][:PORT]/...: nothing between the slashes is here.
    const std::size_t authority = text.find("://");
    return authority != std::string_view::npos && text.substr(authority + 3, 1) == "/";
}

Result<std::string> LibvirtDomain::xml()
{
    const LibvirtText text{::virDomainGetXMLDesc(domain_.get(), 0)};
    if (!text) {
        return libvirt_failure("describe the domain");
    }
    return std::string{text.get()};
}

Result<std::uint64_t> LibvirtDomain::disk_size(const std::string& target)
{
    virDomainBlockInfo info = {};
    if (::virDomainGetBlockInfo(domain_.get(), target.c_str(), &info, 0) != 0) {
        return libvirt_failure("size of disk " + target);
    }
    return std::uint64_t{info.capacity};
}

Result<void> LibvirtDomain::switch_disks(const std::string& snapshot_xml)
{
    const unsigned flags =
        VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |
        VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA;
    const SnapshotHandle snapshot{
        ::virDomainSnapshotCreateXML(domain_.get(), snapshot_xml.c_str(), flags)};
    if (!snapshot) {
        return libvirt_failure("switch the disks");
    }
    return {};
}

Result<Reply> LibvirtDomain::call(std::string_view command, json::Object arguments, TimePoint until)
{
    if (waiter_.stopped_by() && !waiter_.shielded()) {
        return fail(ErrorKind::cancelled, "interrupted by a signal");
    }
    json::Object request;
    request.set("execute", json::Value{command});
    if (!arguments.empty()) {
        request.set("arguments", json::Value{std::move(arguments)});
    }
    const std::string line = json::write(json::Value{std::move(request)});
    // libvirt counts in whole seconds. Its call can't be interrupted: a signal is seen after it.
    const auto left = std::chrono::ceil<std::chrono::seconds>(until - waiter_.now()).count();
    const int seconds = left < 1 ? 1 : static_cast<int>(left);
    const LibvirtText answer{::virDomainQemuAgentCommand(domain_.get(), line.c_str(), seconds, 0)};
    if (!answer) {
        return read_failure(command);
    }
    const Result<json::Value> message = json::parse(answer.get());
    if (!message) {
        return fail(Error{message.error()}.with_context("the agent's answer"));
    }
    return read_reply(*message);
}

Result<std::unique_ptr<Domain>> connect_libvirt(const std::string& uri, const std::string& name,
                                                Waiter& waiter)
{
    // Its own error printer writes to standard error; errors are reported by us.
    ::virSetErrorFunc(nullptr, stay_quiet);
    ConnectionHandle connection{::virConnectOpen(uri.empty() ? nullptr : uri.c_str())};
    if (!connection) {
        return fail(ErrorKind::io, "connect to libvirt " + (uri.empty() ? "(default)" : uri) +
                                       ": " + last_libvirt_error().text);
    }
    DomainHandle found = look_up(connection.get(), name);
    if (!found) {
        return fail(ErrorKind::not_found,
                    "libvirt knows no domain '" + text::printable(name, 128) + "'");
    }
    return std::unique_ptr<Domain>{
        std::make_unique<LibvirtDomain>(std::move(connection), std::move(found), waiter)};
}

} // namespace frostline::host
