// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain_committer.hpp"

#include "host/libvirt/domain_disks.hpp"

namespace frostline::host {

Result<std::vector<std::pair<std::string, std::string>>>
DomainCommitter::current(TimePoint /*until*/)
{
    const Result<std::string> description = domain_.xml();
    if (!description) {
        return fail(description.error());
    }
    return writable_sources(*description);
}

Result<void> DomainCommitter::check_idle(TimePoint until)
{
    const auto disks = current(until);
    if (!disks) {
        return fail(disks.error());
    }
    std::vector<std::string> targets;
    for (const auto& [target, path] : *disks) {
        targets.push_back(target);
    }
    return domain_.check_idle(targets);
}

Result<void> DomainCommitter::start(const CommitDisk& disk, TimePoint /*until*/)
{
    return domain_.start_commit(disk.label, disk.base);
}

Result<CommitState> DomainCommitter::state(const CommitDisk& disk, TimePoint /*until*/)
{
    const Result<Domain::BlockJob> job = domain_.block_job(disk.label);
    if (!job) {
        return fail(job.error());
    }
    return CommitState{job->done, job->total, job->ready, !job->there};
}

Result<void> DomainCommitter::pivot(const CommitDisk& disk, TimePoint /*until*/)
{
    return domain_.end_block_job(disk.label, true);
}

Result<void> DomainCommitter::tidy(const CommitDisk& /*disk*/, TimePoint /*until*/)
{
    return {};
}

Result<void> DomainCommitter::cancel(const CommitDisk& disk, TimePoint /*until*/)
{
    return domain_.end_block_job(disk.label, false);
}

} // namespace frostline::host
