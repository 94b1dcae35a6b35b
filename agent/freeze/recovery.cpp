// SPDX-License-Identifier: Apache-2.0
#include "freeze/recovery.hpp"

#include "common/log.hpp"
#include "system/mount_tree.hpp"

#include <algorithm>
#include <utility>

namespace frostline::freeze {

using system::ThawOutcome;

namespace {

constexpr std::chrono::seconds limit{5};

/// Where that superblock can be opened now: under its old mount point if possible.
std::optional<system::Mount> locate(const std::vector<system::Mount>& mounts,
                                    const RunState::FileSystem& wanted)
{
    const system::MountTree tree{mounts};
    std::optional<system::Mount> best;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        if (mounts[i].device != wanted.device || !tree.visible(i)) {
            continue;
        }
        if (!best || mounts[i].mount_point == wanted.mount_point) {
            best = mounts[i];
        }
    }
    return best;
}

Result<ThawOutcome> open_and_thaw(system::FsControl& control, const system::Mount& mount)
{
    Result<system::OpenedMount> opened = control.open_mount(mount.mount_point);
    if (!opened) {
        return fail(std::move(opened).error());
    }
    if (opened->mount_id >= 0 && opened->mount_id != mount.id) {
        return fail(ErrorKind::not_found, mount.mount_point + ": another file system by now");
    }
    return control.thaw(opened->directory);
}

} // namespace

Result<Recovery::Found> Recovery::look(RunStateStore& store, system::MountTable& table)
{
    Found found;
    Result<std::optional<RunState>> state = store.load();
    if (!state) {
        return fail(std::move(state).error());
    }
    found.state = *std::move(state);
    if (!found.state) {
        return found;
    }
    Result<std::vector<system::Mount>> mounts = table.read();
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    for (const RunState::FileSystem& fs : found.state->filesystems) {
        found.targets.push_back({fs, locate(*mounts, fs)});
    }
    return found;
}

void Recovery::start()
{
    report_.started = std::chrono::system_clock::now();
    report_.started_at = parts_.loop.now();
    report_.outcome = Outcome::recovered;
    system::run_on(
        parts_.workers,
        [&store = parts_.store, &table = parts_.mounts] { return look(store, table); },
        [this, token = std::weak_ptr{token_}](Result<Found> result) {
            if (!token.expired()) {
                found(std::move(result));
            }
        });
}

void Recovery::found(Result<Found> result)
{
    if (!result) {
        // A file that cannot be read must not stop the agent: it is still needed for the next
        // freeze, and the guard has thawed by the deadline at the latest.
        log::error("cannot finish the thaw of a previous agent", result.error().message());
    } else {
        found_ = *std::move(result);
    }
    if (!found_.state || !found_.state->holds()) {
        events_.thawed({found_.state, report_});
        return hooks_ended();
    }
    report_.id = found_.state->id;
    report_.error = found_.state->granted
                        ? "the agent died while frozen; this one thawed what it had frozen"
                        : "the agent died before the freeze was complete; this one undid it";
    log::warning("a previous agent died in the middle of a freeze, undoing it", report_.id);
    for (Target& target : found_.targets) {
        FsRecord row;
        row.mount_point = target.fs.mount_point;
        row.reason = "not mounted any more";
        if (target.mount) {
            row.type = target.mount->type;
            row.device = target.mount->source;
            row.reason = "the thaw has not come back yet";
            target.waiting = true;
        }
        row.result = FsResult::failed;
        report_.filesystems.push_back(std::move(row));
    }
    const auto mounted = static_cast<std::size_t>(
        std::count_if(found_.targets.begin(), found_.targets.end(),
                      [](const Target& target) { return target.waiting; }));
    round_.begin(mounted, limit, [this](bool) {
        events_.thawed({found_.state, report_});
        run_hooks();
    });
    parts_.workers.prepare(mounted);
    for (std::size_t i = 0; i < found_.targets.size(); ++i) {
        if (found_.targets[i].waiting) {
            thaw(i);
        }
    }
}

void Recovery::thaw(std::size_t index)
{
    system::run_on(
        parts_.workers,
        [&control = parts_.control, mount = *found_.targets[index].mount] {
            return open_and_thaw(control, mount);
        },
        [this, index, token = std::weak_ptr{token_}](const Result<ThawOutcome>& result) {
            if (!token.expired()) {
                thaw_result(index, result);
            }
        });
}

void Recovery::thaw_result(std::size_t index, const Result<ThawOutcome>& result)
{
    Target& target = found_.targets[index];
    FsRecord& row = report_.filesystems[index];
    target.waiting = false;
    if (!result) {
        target.failed = true;
        row.reason = result.error().message();
        log::error("cannot thaw", row.mount_point, row.reason);
    } else {
        row.result = *result == ThawOutcome::thawed ? FsResult::frozen : FsResult::lost;
        row.reason = *result == ThawOutcome::thawed ? "" : "thawed already, by the guard";
    }
    round_.answer();
    if (hooks_ended_) { // it was stuck
        static_cast<void>(events_.save());
    }
}

void Recovery::run_hooks()
{
    static_cast<void>(events_.save());
    if (found_.state->hooks.empty()) {
        return hooks_ended();
    }
    parts_.quiescer.recover(
        found_.state->id, found_.state->hooks,
        [this, token = std::weak_ptr{token_}](Result<std::unique_ptr<hooks::QuiesceRun>> run) {
            if (token.expired()) {
                return;
            }
            if (!run) {
                log::error("cannot run the thaw hooks of a previous agent", run.error().message());
                return hooks_ended();
            }
            run_ = *std::move(run);
            run_->on_debts([this] { return events_.save(); });
            run_->thaw(hooks::Outcome::aborted, [this] { hooks_ended(); });
        });
}

void Recovery::hooks_ended()
{
    hooks_ended_ = true;
    for (const std::string& hook : owed()) {
        log::warning("the thaw hook did not succeed and is still owed", hook);
    }
    if (found_.state) {
        static_cast<void>(events_.save()); // what could not be undone stays, for the next start
    }
    if (run_ && owed().empty()) {
        // With its files, but not inside its own callback.
        parts_.loop.post([this, token = std::weak_ptr{token_}] {
            if (!token.expired()) {
                found_.state->hooks.clear();
                run_.reset();
            }
        });
    }
    events_.hooks_ended();
}

bool Recovery::settled() const
{
    return hooks_ended_ && std::none_of(found_.targets.begin(), found_.targets.end(),
                                        [](const Target& target) { return target.waiting; });
}

RunState Recovery::left() const
{
    RunState left;
    if (!found_.state) {
        return left;
    }
    left.id = found_.state->id;
    for (const Target& target : found_.targets) {
        if (target.waiting || target.failed) {
            left.filesystems.push_back(target.fs);
        }
    }
    left.hooks = run_ ? run_->debts() : found_.state->hooks;
    return left;
}

std::vector<std::string> Recovery::owed() const
{
    std::vector<std::string> names;
    for (const hooks::OwedHook& hook : left().hooks) {
        names.push_back(hook.name);
    }
    return names;
}

} // namespace frostline::freeze
