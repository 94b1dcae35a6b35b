// SPDX-License-Identifier: Apache-2.0
// What libvirt's domains do in the background: block jobs, backups, checkpoints.
#include "common/text.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/libvirt/libvirt_domain.hpp"

#include <optional>

#include <libvirt/virterror.h>

namespace frostline::host {

namespace {

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

} // namespace

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

Result<void> LibvirtDomain::start_commit(const std::string& target, const std::string& base)
{
    if (::virDomainBlockCommit(domain_.get(), target.c_str(), base.c_str(), nullptr, 0,
                               VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) != 0) {
        return libvirt_failure("fold back disk " + target);
    }
    return {};
}

Result<void> LibvirtDomain::start_copy(const std::string& target, const std::string& image_xml)
{
    // A persistent domain's definition does not know of a copy; libvirt wants to hear that it may
    // go with the domain.
    const unsigned flags = VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB;
    if (::virDomainBlockCopy(domain_.get(), target.c_str(), image_xml.c_str(), nullptr, 0, flags) !=
        0) {
        return libvirt_failure("copy disk " + target);
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
    BlockJob job{info.cur, info.end, found > 0, false};
    if (job.there && job.total > 0 && job.done == job.total) {
        const Result<std::string> description = xml();
        if (!description) {
            return fail(description.error());
        }
        const Result<bool> ready = mirror_ready(*description, target);
        if (!ready) {
            return fail(ready.error());
        }
        job.ready = *ready;
    }
    return job;
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

Result<bool> LibvirtDomain::has_checkpoint(const std::string& name)
{
    const CheckpointHandle found{::virDomainCheckpointLookupByName(domain_.get(), name.c_str(), 0)};
    if (!found && last_libvirt_error().code != VIR_ERR_NO_DOMAIN_CHECKPOINT) {
        return libvirt_failure("look for the checkpoint " + name);
    }
    return found != nullptr;
}

Result<void> LibvirtDomain::forget_checkpoint(const std::string& name)
{
    const CheckpointHandle found{::virDomainCheckpointLookupByName(domain_.get(), name.c_str(), 0)};
    if (!found) {
        return last_libvirt_error().code == VIR_ERR_NO_DOMAIN_CHECKPOINT
                   ? Result<void>{}
                   : libvirt_failure("look for the checkpoint " + name);
    }
    if (::virDomainCheckpointDelete(found.get(), 0) != 0) {
        return libvirt_failure("forget the checkpoint " + name);
    }
    return {};
}

} // namespace frostline::host
