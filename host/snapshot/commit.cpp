// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/commit.hpp"

#include "common/json/lookup.hpp"
#include "common/json/parse.hpp"
#include "common/text.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

constexpr Millis pause_between{100};

} // namespace

Result<std::vector<CommitDisk>> read_description(std::string_view text)
{
    const Result<json::Value> whole = json::parse(text);
    if (!whole) {
        return fail(Error{whole.error()}.with_context("the snapshot's description"));
    }
    const json::Value* disks = whole->find("disks");
    if (json::string_at(*whole, "method") != "overlay" || disks == nullptr ||
        disks->as_array() == nullptr || disks->as_array()->empty()) {
        return fail(ErrorKind::invalid_argument,
                    "the description is none of a snapshot by overlays");
    }
    std::vector<CommitDisk> found;
    for (const json::Value& disk : *disks->as_array()) {
        found.push_back({json::string_at(disk, "disk"), json::string_at(disk, "snapshot"),
                         json::string_at(disk, "overlay")});
        const CommitDisk& last = found.back();
        if (last.label.empty() || last.base.empty() || last.base.front() != '/' ||
            last.overlay.empty() || last.overlay.front() != '/') {
            return fail(ErrorKind::invalid_argument,
                        "the description does not name the images of each disk");
        }
    }
    return found;
}

Result<std::string> Commit::file_of(const CommitDisk& disk)
{
    const auto current = committer_.current(soon());
    if (!current) {
        return fail(current.error());
    }
    for (const auto& [label, path] : *current) {
        if (label == disk.label) {
            return path;
        }
    }
    return fail(ErrorKind::not_found, "the guest has no disk " + disk.label + " any more");
}

/// All or nothing, before anything is touched.
Result<void> Commit::plan(const std::vector<CommitDisk>& disks)
{
    for (const CommitDisk& disk : disks) {
        const Result<std::string> file = file_of(disk);
        if (!file) {
            return fail(file.error());
        }
        if (*file == disk.base) {
            folded_before_.push_back(disk.label);
        } else if (*file == disk.overlay) {
            to_fold_.push_back(disk);
        } else {
            return fail(ErrorKind::busy, "disk " + disk.label + ": the guest writes to " + *file +
                                             ", not to this snapshot's overlay " + disk.overlay +
                                             "; fold the later snapshot back first");
        }
    }
    return committer_.check_idle(soon());
}

Result<void> Commit::wait_until_ready(const CommitDisk& disk)
{
    for (;;) {
        const Result<CommitState> state = committer_.state(disk, soon());
        if (!state) {
            return fail(state.error());
        }
        if (state->ready) {
            return {};
        }
        if (state->gone) {
            return fail(ErrorKind::io, "the job has ended before all was written: QEMU's log, and "
                                       "the room where " +
                                           disk.base + " lies, may tell why");
        }
        const std::uint64_t percent = state->total == 0 ? 0 : state->done * 100 / state->total;
        progress_.phase("folding back disk " + disk.label + ": " + std::to_string(percent) + " %");
        if (Result<void> paused = waiter_.pause(pause_between); !paused) {
            return paused;
        }
    }
}

Result<void> Commit::wait_until_switched(const CommitDisk& disk)
{
    const TimePoint until = soon();
    for (;;) {
        const Result<std::string> file = file_of(disk);
        if (!file) {
            return fail(file.error());
        }
        if (*file == disk.base) {
            return {};
        }
        if (waiter_.now() >= until) {
            return fail(ErrorKind::timeout, "the guest still writes to " + *file);
        }
        if (Result<void> paused = waiter_.pause(pause_between); !paused) {
            return paused;
        }
    }
}

Result<void> Commit::wait_until_gone(const CommitDisk& disk)
{
    const TimePoint until = soon();
    for (;;) {
        const Result<CommitState> state = committer_.state(disk, soon());
        if (!state) {
            return fail(state.error());
        }
        if (state->gone) {
            return {};
        }
        if (waiter_.now() >= until) {
            return fail(ErrorKind::timeout, "the job does not end");
        }
        if (Result<void> paused = waiter_.pause(pause_between); !paused) {
            return paused;
        }
    }
}

Result<void> Commit::fold(const CommitDisk& disk)
{
    progress_.phase("folding back disk " + disk.label);
    if (Result<void> started = committer_.start(disk, soon()); !started) {
        return started;
    }
    Result<void> done = wait_until_ready(disk);
    const Shield shield{waiter_};
    if (!done) {
        // A job that goes on would end in a switch that nobody looks after.
        static_cast<void>(committer_.cancel(disk, soon()));
        return done;
    }
    if (Result<void> pivoted = committer_.pivot(disk, soon()); !pivoted) {
        // One that has switched all the same is gone, and nothing is left to cancel.
        static_cast<void>(committer_.cancel(disk, soon()));
        return pivoted;
    }
    if (Result<void> gone = wait_until_gone(disk); !gone) {
        return gone;
    }
    if (Result<void> switched = wait_until_switched(disk); !switched) {
        return switched;
    }
    if (Result<void> tidied = committer_.tidy(disk, soon()); !tidied) {
        return tidied;
    }
    return files_.remove(disk.overlay);
}

CommitResult Commit::run(const std::vector<CommitDisk>& disks, const std::string& description)
{
    CommitResult result;
    if (const Result<void> planned = plan(disks); !planned) {
        result.problem = planned.error().message();
        return result;
    }
    for (const CommitDisk& disk : disks) {
        const bool before = std::find(folded_before_.begin(), folded_before_.end(), disk.label) !=
                            folded_before_.end();
        const Result<void> done = before ? files_.remove(disk.overlay) : fold(disk);
        if (!done) {
            result.problem = "disk " + disk.label + ": " + done.error().message();
            result.rows.push_back({disk.label, done.error().message(), false});
            return result;
        }
        result.rows.push_back(
            {disk.label, before ? "was folded back already" : "folded back", true});
    }
    if (const Result<void> removed = files_.remove(description); !removed) {
        result.problem = removed.error().message();
        return result;
    }
    result.good = true;
    return result;
}

} // namespace frostline::host
