// SPDX-License-Identifier: Apache-2.0
#include "host/agent/libvirt_transport.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"
#include "common/text.hpp"

#include <charconv>
#include <cstdlib>

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

namespace frostline::host {

namespace {

/// Newer than the headers of Debian 12 (libvirt 11.2): the agent answered with an error.
constexpr int agent_command_failed = 113;

struct CloseConnection {
    void operator()(virConnectPtr connection) const noexcept { ::virConnectClose(connection); }
};
struct FreeDomain {
    void operator()(virDomainPtr domain) const noexcept { ::virDomainFree(domain); }
};
using Connection = std::unique_ptr<virConnect, CloseConnection>;
using Domain = std::unique_ptr<virDomain, FreeDomain>;

struct LibvirtError {
    int code = 0;
    std::string text = "no reason given";
};

LibvirtError last_error()
{
    const virError* error = ::virGetLastError();
    if (error == nullptr) {
        return {};
    }
    return {error->code, error->message != nullptr ? text::printable(error->message, 2048)
                                                   : std::string{"no reason given"}};
}

void stay_quiet(void* /*data*/, virErrorPtr /*error*/) {}

class LibvirtTransport final : public AgentTransport {
public:
    LibvirtTransport(Connection connection, Domain domain, Waiter& waiter)
        : connection_(std::move(connection)), domain_(std::move(domain)), waiter_(waiter)
    {}

    [[nodiscard]] Result<Reply> call(std::string_view command, json::Object arguments,
                                     TimePoint until) override;

private:
    Connection connection_;
    Domain domain_;
    Waiter& waiter_;
};

/// libvirt 9.0 tells an error answer of the agent only by the code for "internal error"; later
/// versions have a code of their own. No answer at all has other codes in both.
Result<Reply> read_failure(std::string_view command)
{
    const LibvirtError error = last_error();
    const std::string context = "libvirt: " + std::string{command} + ": ";
    if (error.code == VIR_ERR_INTERNAL_ERROR || error.code == agent_command_failed) {
        return Reply{PeerError{"GenericError", error.text}};
    }
    if (error.code == VIR_ERR_AGENT_UNRESPONSIVE || error.code == agent_command_failed - 1) {
        return fail(ErrorKind::timeout, context + error.text);
    }
    return fail(ErrorKind::io, context + error.text);
}

Result<Reply> LibvirtTransport::call(std::string_view command, json::Object arguments,
                                     TimePoint until)
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
    struct Free {
        void operator()(char* text) const noexcept { std::free(text); }
    };
    const std::unique_ptr<char, Free> answer{
        ::virDomainQemuAgentCommand(domain_.get(), line.c_str(), seconds, 0)};
    if (!answer) {
        return read_failure(command);
    }
    const Result<json::Value> message = json::parse(answer.get());
    if (!message) {
        return fail(Error{message.error()}.with_context("the agent's answer"));
    }
    return read_reply(*message);
}

Domain look_up(virConnectPtr connection, const std::string& name)
{
    if (Domain by_name{::virDomainLookupByName(connection, name.c_str())}) {
        return by_name;
    }
    if (Domain by_uuid{::virDomainLookupByUUIDString(connection, name.c_str())}) {
        return by_uuid;
    }
    int id = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, id);
    if (error == std::errc{} && stop == end) {
        return Domain{::virDomainLookupByID(connection, id)};
    }
    return nullptr;
}

} // namespace

Result<std::unique_ptr<AgentTransport>> connect_libvirt(const std::string& uri,
                                                        const std::string& domain, Waiter& waiter)
{
    // Its own error printer writes to standard error; errors are reported by us.
    ::virSetErrorFunc(nullptr, stay_quiet);
    Connection connection{::virConnectOpen(uri.empty() ? nullptr : uri.c_str())};
    if (!connection) {
        return fail(ErrorKind::io, "connect to libvirt " + (uri.empty() ? "(default)" : uri) +
                                       ": " + last_error().text);
    }
    Domain found = look_up(connection.get(), domain);
    if (!found) {
        return fail(ErrorKind::not_found,
                    "libvirt knows no domain '" + text::printable(domain, 128) + "'");
    }
    return std::unique_ptr<AgentTransport>{
        std::make_unique<LibvirtTransport>(std::move(connection), std::move(found), waiter)};
}

} // namespace frostline::host
