// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain_backup.hpp"

#include "common/text.hpp"
#include "common/xml.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/libvirt/ready_disks.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

constexpr Millis pause_between{200};

std::string backup_request(const BackupFiles& files, const std::vector<std::string>& left_out)
{
    std::string request = "<domainbackup mode='push'>";
    if (const std::optional<std::string> parent = files.parent_mark()) {
        request += "<incremental>" + xml::escape(*parent) + "</incremental>";
    }
    request += "<disks>";
    for (const BackupPlan& plan : files.plans()) {
        request += "<disk name='" + xml::escape(plan.disk.label) +
                   "' backup='yes' type='file'><driver type='qcow2'/><target file='" +
                   xml::escape(plan.path) + "'/></disk>";
    }
    for (const std::string& target : left_out) {
        request += "<disk name='" + xml::escape(target) + "' backup='no'/>";
    }
    return request + "</disks></domainbackup>";
}

/// Only qcow2 images can remember what has changed.
std::string checkpoint_request(const BackupFiles& files, const std::vector<std::string>& left_out)
{
    std::string request = "<domaincheckpoint><name>" + xml::escape(files.mark()) + "</name><disks>";
    bool any = false;
    for (const BackupPlan& plan : files.plans()) {
        const bool remembers = plan.disk.format == "qcow2";
        any = any || remembers;
        request += "<disk name='" + xml::escape(plan.disk.label) + "' checkpoint='" +
                   (remembers ? "bitmap" : "no") + "'/>";
    }
    for (const std::string& target : left_out) {
        request += "<disk name='" + xml::escape(target) + "' checkpoint='no'/>";
    }
    return any ? request + "</disks></domaincheckpoint>" : std::string{};
}

} // namespace

Result<void> DomainBackup::check_marks()
{
    const std::optional<std::string> parent = files_.parent_mark();
    if (!parent) {
        return {};
    }
    for (const BackupPlan& plan : files_.plans()) {
        if (plan.disk.format != "qcow2") {
            return fail(ErrorKind::unsupported, "disk " + plan.disk.label +
                                                    " is a raw image, which can't remember what "
                                                    "has changed: make a whole backup");
        }
    }
    const Result<bool> remembered = domain_.has_checkpoint(*parent);
    if (!remembered) {
        return fail(remembered.error());
    }
    if (!*remembered) {
        return fail(ErrorKind::not_found, "libvirt does not remember the latest backup (no "
                                          "checkpoint " +
                                              *parent + "): make a whole one");
    }
    return {};
}

Result<void> DomainBackup::prepare(TimePoint until)
{
    Result<DomainDisks> found = ready_disks(domain_);
    if (!found) {
        return fail(std::move(found).error());
    }
    if (Result<void> planned = files_.plan(found->disks); !planned) {
        return planned;
    }
    if (Result<void> marks = check_marks(); !marks) {
        return marks;
    }
    for (const BackupPlan& plan : files_.plans()) {
        if (Result<void> created = files_.create(plan, until); !created) {
            return created;
        }
    }
    backup_xml_ = backup_request(files_, found->left_out);
    checkpoint_xml_ = checkpoint_request(files_, found->left_out);
    return {};
}

Result<Answer<bool>> DomainBackup::take(TimePoint /*until*/)
{
    begun_ = true;
    if (Result<void> begun = domain_.begin_backup(backup_xml_, checkpoint_xml_); !begun) {
        return fail(std::move(begun).error());
    }
    return Answer<bool>{true};
}

/// A short one has ended by now; then finish() sees how. libvirt has no other backup of this
/// domain.
Result<SnapshotMethod::Switch> DomainBackup::find_out(TimePoint /*until*/)
{
    const Result<Domain::BackupJob> job = domain_.backup_job();
    if (!job) {
        return fail(job.error());
    }
    if (job->running) {
        return Switch::done;
    }
    if (checkpoint_xml_.empty()) {
        return job->error.empty() ? Switch::done : Switch::not_done;
    }
    const Result<bool> marked = domain_.has_checkpoint(files_.mark());
    if (!marked) {
        return fail(marked.error());
    }
    return *marked ? Switch::done : Switch::not_done;
}

Result<std::string> DomainBackup::finish(Waiter& waiter, Progress& progress)
{
    for (;;) {
        const Result<Domain::BackupJob> job = domain_.backup_job();
        if (!job) {
            return fail(job.error());
        }
        if (!job->running) {
            if (!job->error.empty()) {
                return fail(ErrorKind::io, "the backup has failed: " + job->error);
            }
            break;
        }
        const std::uint64_t percent = job->total == 0 ? 0 : job->done * 100 / job->total;
        progress.phase("copying, the guest goes on: " + std::to_string(percent) + " %");
        if (Result<void> paused = waiter.pause(pause_between); !paused) {
            return fail(std::move(paused).error());
        }
    }
    if (const std::optional<std::string> parent = files_.parent_mark()) {
        // What has changed since the parent is in this backup; only what changes from now on
        // counts.
        if (const Result<void> forgotten = domain_.forget_checkpoint(*parent); !forgotten) {
            return "left behind: " + forgotten.error().message();
        }
    }
    return std::string{};
}

Result<void> DomainBackup::discard(TimePoint /*until*/)
{
    std::vector<std::string> left;
    if (begun_) {
        const Result<Domain::BackupJob> job = domain_.backup_job();
        if (job && job->running) {
            if (const Result<void> ended = domain_.cancel_backup(); !ended) {
                left.push_back(ended.error().message());
            }
        }
        if (!checkpoint_xml_.empty()) {
            if (const Result<void> forgotten = domain_.forget_checkpoint(files_.mark());
                !forgotten) {
                left.push_back(forgotten.error().message());
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
