// SPDX-License-Identifier: Apache-2.0
#include "freeze/fs_set.hpp"

#include <algorithm>
#include <utility>

namespace frostline::freeze {

using system::FreezeOutcome;
using system::ThawOutcome;

void FsSet::freeze(int parallel, ForeignFreeze foreign, Done done)
{
    parallel_ = static_cast<std::size_t>(std::max(parallel, 1));
    foreign_ = foreign;
    freeze_done_ = std::move(done);
    std::size_t guard_index = 0;
    for (Entry& entry : entries_) {
        if (entry.opened && entry.planned.action == Action::freeze) {
            entry.guard_index = guard_index++;
        }
    }
    freeze_end_ = loop_.after(std::chrono::nanoseconds{0}, [this] { pump_freezes(); });
}

void FsSet::pump_freezes()
{
    while (!stopped_ && next_ < entries_.size()) {
        const Entry& entry = entries_[next_];
        if (entry.stage != Stage::open || entry.planned.action != Action::freeze) {
            ++next_;
            continue;
        }
        const bool wave_ended =
            freezing_ == 0 ||
            std::none_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
                return other.stage == Stage::freezing && other.planned.wave < entry.planned.wave;
            });
        if (!wave_ended || freezing_ >= parallel_) {
            return;
        }
        start_freeze(next_++);
    }
    if (!stopped_ && freezing_ == 0) {
        end_freeze({});
    }
}

void FsSet::start_freeze(std::size_t index)
{
    Entry& entry = entries_[index];
    entry.stage = Stage::freezing;
    entry.start = loop_.now();
    ++freezing_;
    submit(
        index,
        [&control = control_, opened = entry.opened]() -> Result<FreezeOutcome> {
            Result<FreezeOutcome> outcome = control.freeze(opened->directory);
            if (outcome && *outcome == FreezeOutcome::unsupported) {
                if (Result<void> synced = control.sync(opened->directory); !synced) {
                    return fail(std::move(synced).error());
                }
            }
            return outcome;
        },
        &FsSet::frozen_result);
}

void FsSet::frozen_result(std::size_t index, const Result<FreezeOutcome>& result)
{
    Entry& entry = entries_[index];
    --freezing_;
    entry.record.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(loop_.now() - entry.start);
    const Result<void> noted = note_freeze(entry, result);
    if (stopped_) { // a thaw has come in between
        if (entry.stage == Stage::frozen) {
            return start_thaw(index);
        }
        round_.answer();
        if (gave_up_waiting_ && unresolved().empty() && on_resolved_) {
            on_resolved_();
        }
        return;
    }
    if (!noted) {
        stopped_ = true;
        return end_freeze(noted);
    }
    pump_freezes();
}

Result<void> FsSet::note_freeze(Entry& entry, const Result<FreezeOutcome>& result)
{
    const std::string& mount_point = entry.planned.mount.mount_point;
    if (result && *result == FreezeOutcome::frozen) {
        entry.stage = Stage::frozen;
        entry.record.result = FsResult::frozen;
        if (!first_frozen_) {
            first_frozen_ = loop_.now();
        }
        return {};
    }
    entry.stage = Stage::ended;
    forget(entry);
    if (!result) {
        entry.record.result = FsResult::failed;
        entry.record.reason = result.error().message();
        return fail(result.error().with_context(mount_point));
    }
    if (*result == FreezeOutcome::unsupported) {
        entry.record.result = FsResult::synced;
        entry.record.reason = entry.planned.mount.type + " cannot be frozen";
        return {};
    }
    // Each superblock is planned once, so this is not ours. Its owner may thaw it in the middle of
    // the snapshot: going on would promise a consistency that nobody keeps.
    entry.record.result = FsResult::already_frozen;
    entry.record.reason = "frozen by another process";
    if (foreign_ == ForeignFreeze::fail) {
        return fail(ErrorKind::busy, mount_point +
                                         ": frozen by another process already; thaw it "
                                         "there (fsfreeze --unfreeze " +
                                         mount_point + "), or set foreign=report");
    }
    return {};
}

void FsSet::end_freeze(Result<void> result)
{
    if (const Done done = std::exchange(freeze_done_, nullptr)) {
        done(std::move(result));
    }
}

bool FsSet::busy(const Entry& entry) const
{
    return entry.stage == Stage::freezing || entry.stage == Stage::frozen ||
           entry.stage == Stage::thawing;
}

void FsSet::thaw(bool lapsed, std::chrono::milliseconds limit, std::function<void()> done)
{
    stopped_ = true;
    lapsed_ = lapsed;
    gave_up_waiting_ = false;
    freeze_done_ = nullptr;
    freeze_end_ = {};
    to_sync_.clear();
    sync_round_.cancel();
    const auto waiting = static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [this](const Entry& entry) { return busy(entry); }));
    round_.begin(waiting, limit, [this, done = std::move(done)](bool) {
        gave_up_waiting_ = !unresolved().empty();
        for (Entry& entry : entries_) {
            if (busy(entry)) {
                entry.record.reason = entry.stage == Stage::freezing
                                          ? "stuck in FIFREEZE; thawed as soon as that returns"
                                          : "not thawed yet: " + entry.record.reason;
            }
        }
        done();
    });
    // The last frozen first: what lies on another file system may only thaw after that one.
    for (std::size_t i = entries_.size(); i-- > 0;) {
        if (entries_[i].stage == Stage::frozen) {
            start_thaw(i);
        }
    }
}

void FsSet::start_thaw(std::size_t index)
{
    Entry& entry = entries_[index];
    entry.stage = Stage::thawing;
    submit(
        index,
        [&control = control_, opened = entry.opened] { return control.thaw(opened->directory); },
        &FsSet::thaw_result);
}

void FsSet::thaw_result(std::size_t index, const Result<ThawOutcome>& result)
{
    Entry& entry = entries_[index];
    if (!result) {
        // Still ours and still frozen: the next thaw, or the guard, tries again.
        entry.stage = Stage::frozen;
        entry.record.reason = result.error().message();
    } else {
        last_thawed_ = loop_.now();
        const bool by_us = *result == ThawOutcome::thawed;
        entry.stage = by_us || lapsed_ ? Stage::thawed : Stage::ended;
        if (!by_us && !lapsed_) {
            entry.record.result = FsResult::lost;
            entry.record.reason = "thawed by another process while it should have been frozen";
        } else {
            entry.record.reason.clear();
        }
        forget(entry);
    }
    round_.answer();
    if (gave_up_waiting_ && unresolved().empty() && on_resolved_) {
        on_resolved_();
    }
}

void FsSet::forget(const Entry& entry)
{
    if (entry.guard_index && on_forget_) {
        on_forget_(*entry.guard_index);
    }
}

std::size_t FsSet::frozen() const
{
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
            return entry.stage == Stage::frozen || entry.stage == Stage::thawing;
        }));
}

std::size_t FsSet::thawed() const
{
    return static_cast<std::size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [](const Entry& entry) { return entry.stage == Stage::thawed; }));
}

std::vector<std::string> FsSet::unresolved() const
{
    std::vector<std::string> result;
    for (const Entry& entry : entries_) {
        if (busy(entry)) {
            result.push_back(entry.planned.mount.mount_point);
        }
    }
    return result;
}

std::vector<std::string> FsSet::lost() const
{
    std::vector<std::string> result;
    for (const Entry& entry : entries_) {
        if (entry.record.result == FsResult::lost) {
            result.push_back(entry.planned.mount.mount_point);
        }
    }
    return result;
}

bool FsSet::incomplete() const
{
    return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
        return entry.record.result == FsResult::failed ||
               entry.record.result == FsResult::already_frozen;
    });
}

} // namespace frostline::freeze
