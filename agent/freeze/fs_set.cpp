// SPDX-License-Identifier: Apache-2.0
#include "freeze/fs_set.hpp"

#include "common/duration.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <utility>

#include <sys/sysmacros.h>

namespace frostline::freeze {

using system::OpenedMount;

FsSet::FsSet(system::EventLoop& loop, system::Workers& workers, system::FsControl& control,
             std::vector<PlannedFs> planned)
    : loop_(loop), workers_(workers), control_(control), round_(loop), sync_round_(loop)
{
    for (PlannedFs& fs : planned) {
        Entry entry;
        entry.record.mount_point = fs.mount.mount_point;
        entry.record.type = fs.mount.type;
        entry.record.device = fs.mount.source;
        entry.record.reason = fs.reason;
        entry.planned = std::move(fs);
        entries_.push_back(std::move(entry));
    }
}

FsSet::~FsSet()
{
    for (const Entry& entry : entries_) {
        if (entry.stage == Stage::frozen) {
            workers_.submit([&control = control_, opened = entry.opened] {
                static_cast<void>(control.thaw(opened->directory));
                return system::Workers::Continuation{};
            });
        }
    }
}

void FsSet::open(std::chrono::milliseconds limit, Done done)
{
    round_.begin(entries_.size(), limit, [this, limit, done = std::move(done)](bool in_time) {
        std::vector<std::string> late;
        for (const Entry& entry : entries_) {
            if (entry.stage == Stage::planned) {
                late.push_back(entry.planned.mount.mount_point);
            }
        }
        if (!in_time) {
            return done(fail(ErrorKind::timeout,
                             "opening " + text::join(late, ", ") + " did not finish within " +
                                 format_duration(limit) + "; exclude what does not answer"));
        }
        done(open_error_ ? Result<void>{fail(*open_error_)} : Result<void>{});
    });
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        submit(
            i,
            [&control = control_, path = entries_[i].planned.mount.mount_point] {
                return control.open_mount(path);
            },
            &FsSet::opened);
    }
}

namespace {

/// What is mounted there may have changed since the table was read.
bool is_planned_mount(const OpenedMount& opened, const system::Mount& mount)
{
    if (opened.mount_id >= 0) {
        return opened.mount_id == mount.id;
    }
    // A btrfs subvolume has a device number of its own, which the mount table does not tell.
    return major(mount.device) == 0 || opened.device == mount.device;
}

} // namespace

void FsSet::opened(std::size_t index, Result<OpenedMount> result)
{
    Entry& entry = entries_[index];
    if (stopped_ || entry.stage != Stage::planned) {
        return;
    }
    const bool gone = !result && result.error().kind() == ErrorKind::not_found;
    if (gone || (result && !is_planned_mount(*result, entry.planned.mount))) {
        entry.stage = Stage::ended;
        entry.record.result = FsResult::failed;
        entry.record.reason = "changed between plan and freeze: another file system, or none, is "
                              "mounted there now";
    } else if (!result) {
        entry.stage = Stage::ended;
        entry.record.result = FsResult::failed;
        entry.record.reason = result.error().message();
        if (!open_error_) {
            open_error_ = result.error();
        }
    } else {
        entry.stage = Stage::open;
        entry.opened = std::make_shared<const OpenedMount>(*std::move(result));
    }
    round_.answer();
}

void FsSet::sync(bool all, int parallel, std::chrono::milliseconds limit,
                 std::function<void()> done)
{
    to_sync_.clear();
    for (std::size_t i = entries_.size(); i-- > 0;) { // taken from the back
        const Entry& entry = entries_[i];
        if (entry.stage == Stage::open && !entry.syncing &&
            (all || entry.planned.action == Action::sync)) {
            to_sync_.push_back(i);
        }
    }
    parallel_ = static_cast<std::size_t>(std::max(parallel, 1));
    sync_round_.begin(to_sync_.size(), limit, [this, limit, done = std::move(done)](bool) {
        for (Entry& entry : entries_) {
            if (entry.syncing && entry.planned.action == Action::sync) {
                entry.record.result = FsResult::failed;
                entry.record.reason = "not written back within " + format_duration(limit);
            }
        }
        to_sync_.clear();
        done();
    });
    pump_syncs();
}

void FsSet::pump_syncs()
{
    auto running = static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.syncing; }));
    for (; running < parallel_ && !to_sync_.empty(); ++running) {
        const std::size_t index = to_sync_.back();
        to_sync_.pop_back();
        Entry& entry = entries_[index];
        entry.syncing = true;
        entry.start = loop_.now();
        submit(
            index,
            [&control = control_, opened = entry.opened] {
                return control.sync(opened->directory);
            },
            &FsSet::synced);
    }
}

void FsSet::synced(std::size_t index, const Result<void>& result)
{
    Entry& entry = entries_[index];
    entry.syncing = false;
    if (entry.planned.action == Action::sync) {
        entry.record.result = result ? FsResult::synced : FsResult::failed;
        entry.record.reason = result ? entry.planned.reason : result.error().message();
        entry.record.duration =
            std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - entry.start);
    }
    // A failed sync of one that gets frozen says nothing final: FIFREEZE syncs again and decides.
    pump_syncs();
    sync_round_.answer();
}

GuardStarter::Mounts FsSet::guarded() const
{
    GuardStarter::Mounts mounts;
    for (const Entry& entry : entries_) {
        if (entry.opened && entry.planned.action == Action::freeze) {
            mounts.push_back(entry.opened);
        }
    }
    return mounts;
}

std::vector<PlannedFs> FsSet::at_risk() const
{
    std::vector<PlannedFs> result;
    for (const Entry& entry : entries_) {
        const bool waits = !stopped_ && entry.stage == Stage::open;
        if (entry.planned.action == Action::freeze && (waits || busy(entry))) {
            result.push_back(entry.planned);
        }
    }
    return result;
}

std::vector<std::string> FsSet::mount_points() const
{
    std::vector<std::string> result;
    for (const Entry& entry : entries_) {
        if (entry.opened) {
            result.insert(result.end(), entry.planned.mount_points.begin(),
                          entry.planned.mount_points.end());
        }
    }
    return result;
}

std::vector<dev_t> FsSet::devices() const
{
    std::vector<dev_t> result;
    for (const Entry& entry : entries_) {
        if (entry.opened) {
            result.push_back(entry.opened->device);
        }
    }
    return result;
}

std::vector<FsRecord> FsSet::records(TimePoint began) const
{
    std::vector<FsRecord> result;
    for (const Entry& entry : entries_) {
        result.push_back(entry.record);
        if (entry.start != TimePoint{}) {
            result.back().start =
                std::chrono::duration_cast<std::chrono::microseconds>(entry.start - began);
        }
    }
    return result;
}

} // namespace frostline::freeze
