// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain_copy.hpp"

#include "common/text.hpp"
#include "common/xml.hpp"
#include "host/libvirt/ready_disks.hpp"

namespace frostline::host {

namespace {

constexpr Millis pause_between{200};

} // namespace

Result<void> DomainCopy::start(const BackupPlan& plan, TimePoint until)
{
    if (Result<void> created = files_.create(plan, until); !created) {
        return created;
    }
    started_.push_back(plan.disk.label);
    return domain_.start_copy(plan.disk.label, "<disk type='file'><source file='" +
                                                   xml::escape(plan.path) +
                                                   "'/><driver type='qcow2'/></disk>");
}

Result<void> DomainCopy::wait_until_alike()
{
    for (;;) {
        std::size_t ready = 0;
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        for (const std::string& target : started_) {
            const Result<Domain::BlockJob> job = domain_.block_job(target);
            if (!job) {
                return fail(job.error());
            }
            if (!job->there) {
                return fail(ErrorKind::io, "the copy of disk " + target +
                                               " has ended before all was written: libvirt's log, "
                                               "and the room in " +
                                               files_.folder() + ", may tell why");
            }
            ready += job->ready;
            done += job->done;
            total += job->total;
        }
        if (ready == started_.size()) {
            return {};
        }
        const std::uint64_t percent = total == 0 ? 0 : done * 100 / total;
        progress_.phase("copying, nothing is frozen: " + std::to_string(percent) + " %");
        if (Result<void> paused = waiter_.pause(pause_between); !paused) {
            return paused;
        }
    }
}

Result<void> DomainCopy::prepare(TimePoint until)
{
    const Result<DomainDisks> found = ready_disks(domain_);
    if (!found) {
        return fail(found.error());
    }
    if (Result<void> planned = files_.plan(found->disks); !planned) {
        return planned;
    }
    for (const BackupPlan& plan : files_.plans()) {
        if (Result<void> started = start(plan, until); !started) {
            return started;
        }
    }
    return wait_until_alike();
}

/// Each call returns when that mirror has written everything; the guest writes nothing meanwhile.
Result<Answer<bool>> DomainCopy::take(TimePoint /*until*/)
{
    for (const std::string& target : started_) {
        if (Result<void> ended = domain_.end_block_job(target, false); !ended) {
            return fail(std::move(ended).error());
        }
        ++ended_;
    }
    return Answer<bool>{true};
}

Result<SnapshotMethod::Switch> DomainCopy::find_out(TimePoint /*until*/)
{
    return ended_ == started_.size() ? Switch::done : Switch::not_done;
}

Result<void> DomainCopy::discard(TimePoint /*until*/)
{
    std::vector<std::string> left;
    for (std::size_t i = ended_; i < started_.size(); ++i) {
        const Result<Domain::BlockJob> job = domain_.block_job(started_[i]);
        if (job && job->there) {
            if (const Result<void> ended = domain_.end_block_job(started_[i], false); !ended) {
                left.push_back(ended.error().message());
            }
        }
    }
    for (std::string& file : files_.discard()) {
        left.push_back(std::move(file));
    }
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

} // namespace frostline::host
