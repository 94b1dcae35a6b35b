// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"
#include "common/text.hpp"

#include <array>
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
using DomainHandle = std::unique_ptr<virDomain, FreeDomain>;

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

struct FreeText {
    void operator()(char* text) const noexcept { std::free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

struct FreeSnapshot {
    void operator()(virDomainSnapshotPtr snapshot) const noexcept
    {
        ::virDomainSnapshotFree(snapshot);
    }
};
using Snapshot = std::unique_ptr<virDomainSnapshot, FreeSnapshot>;

class LibvirtDomain final : public Domain, private AgentTransport {
public:
    LibvirtDomain(Connection connection, DomainHandle domain, Waiter& waiter)
        : connection_(std::move(connection)), domain_(std::move(domain)), waiter_(waiter)
    {}

    [[nodiscard]] AgentTransport& agent() override { return *this; }
    [[nodiscard]] std::string uuid() override;
    [[nodiscard]] bool local() override;
    [[nodiscard]] Result<std::string> xml() override;
    [[nodiscard]] Result<std::uint64_t> disk_size(const std::string& target) override;
    [[nodiscard]] Result<void> check_idle(const std::vector<std::string>& targets) override;
    [[nodiscard]] Result<void> switch_disks(const std::string& snapshot_xml) override;
    [[nodiscard]] Result<void> start_commit(const std::string& target,
                                            const std::string& base) override;
    [[nodiscard]] Result<BlockJob> block_job(const std::string& target) override;
    [[nodiscard]] Result<void> end_block_job(const std::string& target, bool pivot) override;
    [[nodiscard]] Result<void> begin_backup(const std::string& backup_xml,
                                            const std::string& checkpoint_xml) override;
    [[nodiscard]] Result<BackupJob> backup_job() override;
    [[nodiscard]] Result<void> cancel_backup() override;
    [[nodiscard]] Result<bool> has_checkpoint(const std::string& name) override;
    [[nodiscard]] Result<void> forget_checkpoint(const std::string& name) override;

private:
    [[nodiscard]] Result<Reply> call(std::string_view command, json::Object arguments,
                                     TimePoint until) override;

    Connection connection_;
    DomainHandle domain_;
    Waiter& waiter_;
};

Failure libvirt_failure(const std::string& what)
{
    return fail(ErrorKind::io, "libvirt: " + what + ": " + last_error().text);
}

std::string LibvirtDomain::uuid()
{
    std::array<char, VIR_UUID_STRING_BUFLEN> text{};
    return ::virDomainGetUUIDString(domain_.get(), text.data()) == 0 ? text.data() : std::string{};
}

bool LibvirtDomain::local()
{
    const Text uri{::virConnectGetURI(connection_.get())};
    const std::string_view text = uri ? uri.get() : "";
    // DRIVER[+TRANSPORT]://[USER@][HOST][:PORT]/...: nothing between the slashes is here.
    const std::size_t authority = text.find("://");
    return authority != std::string_view::npos && text.substr(authority + 3, 1) == "/";
}

Result<std::string> LibvirtDomain::xml()
{
    const Text text{::virDomainGetXMLDesc(domain_.get(), 0)};
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

Result<void> LibvirtDomain::check_idle(const std::vector<std::string>& targets)
{
    if (::virDomainIsActive(domain_.get()) != 1) {
        return fail(ErrorKind::invalid_argument, "the domain isn't running");
    }
    virDomainJobInfo job = {};
    if (::virDomainGetJobInfo(domain_.get(), &job) == 0 && job.type != VIR_DOMAIN_JOB_NONE) {
        return fail(ErrorKind::busy, "the domain has a job under way (virsh domjobinfo tells): "
                                     "wait for it, or end it");
    }
    for (const std::string& target : targets) {
        virDomainBlockJobInfo info = {};
        if (::virDomainGetBlockJobInfo(domain_.get(), target.c_str(), &info, 0) > 0) {
            return fail(ErrorKind::busy, "disk " + target +
                                             " has a block job under way (virsh blockjob tells): "
                                             "wait for it, or end it");
        }
    }
    return {};
}

Result<void> LibvirtDomain::switch_disks(const std::string& snapshot_xml)
{
    const unsigned flags =
        VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |
        VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA;
    const Snapshot snapshot{
        ::virDomainSnapshotCreateXML(domain_.get(), snapshot_xml.c_str(), flags)};
    if (!snapshot) {
        return libvirt_failure("switch the disks");
    }
    return {};
}

Result<void> LibvirtDomain::start_commit(const std::string& target, const std::string& base)
{
    if (::virDomainBlockCommit(domain_.get(), target.c_str(), base.c_str(), nullptr, 0,
                               VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) != 0) {
        return libvirt_failure("fold back disk " + target);
    }
    return {};
}

Result<Domain::BlockJob> LibvirtDomain::block_job(const std::string& target)
{
    virDomainBlockJobInfo info = {};
    const int found = ::virDomainGetBlockJobInfo(domain_.get(), target.c_str(), &info, 0);
    if (found < 0) {
        return libvirt_failure("look at the block job of disk " + target);
    }
    // libvirt never lets both be equal before the job is ready, since 1.2.
    return BlockJob{info.cur, info.end, found > 0,
                    found > 0 && info.end > 0 && info.cur == info.end};
}

Result<void> LibvirtDomain::end_block_job(const std::string& target, bool pivot)
{
    const unsigned flags = pivot ? VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT : 0;
    if (::virDomainBlockJobAbort(domain_.get(), target.c_str(), flags) != 0) {
        return libvirt_failure((pivot ? "switch disk " : "end the block job of disk ") + target);
    }
    return {};
}

Result<void> LibvirtDomain::begin_backup(const std::string& backup_xml,
                                         const std::string& checkpoint_xml)
{
    const char* checkpoint = checkpoint_xml.empty() ? nullptr : checkpoint_xml.c_str();
    if (::virDomainBackupBegin(domain_.get(), backup_xml.c_str(), checkpoint,
                               VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL) != 0) {
        return libvirt_failure("start the backup");
    }
    return {};
}

/// What libvirt tells of a job, with the memory that it is in.
class JobStats {
public:
    JobStats(virDomainPtr domain, unsigned flags)
        : good_(::virDomainGetJobStats(domain, &type_, &params_, &count_, flags) == 0)
    {}
    ~JobStats() { ::virTypedParamsFree(params_, count_); }
    JobStats(const JobStats&) = delete;
    JobStats& operator=(const JobStats&) = delete;
    JobStats(JobStats&&) = delete;
    JobStats& operator=(JobStats&&) = delete;

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] int type() const { return type_; }
    [[nodiscard]] std::uint64_t number(const char* name) const
    {
        unsigned long long value = 0;
        return ::virTypedParamsGetULLong(params_, count_, name, &value) == 1 ? value : 0;
    }
    [[nodiscard]] std::optional<bool> flag(const char* name) const
    {
        int value = 0;
        return ::virTypedParamsGetBoolean(params_, count_, name, &value) == 1
                   ? std::optional{value != 0}
                   : std::nullopt;
    }
    [[nodiscard]] std::string word(const char* name) const
    {
        const char* value = nullptr;
        return ::virTypedParamsGetString(params_, count_, name, &value) == 1 && value != nullptr
                   ? text::printable(value, 2048)
                   : std::string{};
    }

private:
    int type_ = 0;
    virTypedParameterPtr params_ = nullptr;
    int count_ = 0;
    bool good_ = false;
};

Result<Domain::BackupJob> LibvirtDomain::backup_job()
{
    const JobStats now{domain_.get(), 0};
    if (!now.good()) {
        return libvirt_failure("look at the backup");
    }
    if (now.type() == VIR_DOMAIN_JOB_BOUNDED || now.type() == VIR_DOMAIN_JOB_UNBOUNDED) {
        return BackupJob{now.number(VIR_DOMAIN_JOB_DISK_PROCESSED),
                         now.number(VIR_DOMAIN_JOB_DISK_TOTAL),
                         true,
                         {}};
    }
    // Without "keep", whoever asks first is the only one who learns it.
    const JobStats ended{domain_.get(),
                         VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED};
    if (!ended.good()) {
        return libvirt_failure("look at the backup that has ended");
    }
    BackupJob job;
    if (ended.type() != VIR_DOMAIN_JOB_COMPLETED ||
        !ended.flag(VIR_DOMAIN_JOB_SUCCESS).value_or(true)) {
        job.error = ended.word(VIR_DOMAIN_JOB_ERRMSG);
        job.error = job.error.empty() ? "libvirt tells no reason" : job.error;
    }
    return job;
}

Result<void> LibvirtDomain::cancel_backup()
{
    if (::virDomainAbortJob(domain_.get()) != 0) {
        return libvirt_failure("end the backup");
    }
    return {};
}

struct FreeCheckpoint {
    void operator()(virDomainCheckpointPtr checkpoint) const noexcept
    {
        ::virDomainCheckpointFree(checkpoint);
    }
};
using Checkpoint = std::unique_ptr<virDomainCheckpoint, FreeCheckpoint>;

Result<bool> LibvirtDomain::has_checkpoint(const std::string& name)
{
    const Checkpoint found{::virDomainCheckpointLookupByName(domain_.get(), name.c_str(), 0)};
    if (!found && last_error().code != VIR_ERR_NO_DOMAIN_CHECKPOINT) {
        return libvirt_failure("look for the checkpoint " + name);
    }
    return found != nullptr;
}

Result<void> LibvirtDomain::forget_checkpoint(const std::string& name)
{
    const Checkpoint found{::virDomainCheckpointLookupByName(domain_.get(), name.c_str(), 0)};
    if (!found) {
        return last_error().code == VIR_ERR_NO_DOMAIN_CHECKPOINT
                   ? Result<void>{}
                   : libvirt_failure("look for the checkpoint " + name);
    }
    if (::virDomainCheckpointDelete(found.get(), 0) != 0) {
        return libvirt_failure("forget the checkpoint " + name);
    }
    return {};
}

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
    const Text answer{::virDomainQemuAgentCommand(domain_.get(), line.c_str(), seconds, 0)};
    if (!answer) {
        return read_failure(command);
    }
    const Result<json::Value> message = json::parse(answer.get());
    if (!message) {
        return fail(Error{message.error()}.with_context("the agent's answer"));
    }
    return read_reply(*message);
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

Result<std::unique_ptr<Domain>> connect_libvirt(const std::string& uri, const std::string& name,
                                                Waiter& waiter)
{
    // Its own error printer writes to standard error; errors are reported by us.
    ::virSetErrorFunc(nullptr, stay_quiet);
    Connection connection{::virConnectOpen(uri.empty() ? nullptr : uri.c_str())};
    if (!connection) {
        return fail(ErrorKind::io, "connect to libvirt " + (uri.empty() ? "(default)" : uri) +
                                       ": " + last_error().text);
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
