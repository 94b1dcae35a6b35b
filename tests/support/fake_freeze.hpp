// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/guard.hpp"
#include "freeze/run_state.hpp"
#include "hooks/quiescer.hpp"
#include "support/fake_loop.hpp"
#include "system/block_layers.hpp"
#include "system/fs_control.hpp"
#include "system/mount_table.hpp"
#include "system/workers.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>

/// Fakes at the freeze engine's seams. They write down, in one list, what was done in which order.
namespace frostline::test {

using Journal = std::vector<std::string>;

/// Runs work when the test says so. A call that the FakeFsControl declares stuck has its answer
/// kept back until come_back().
class FakeWorkers : public system::Workers {
public:
    explicit FakeWorkers(system::EventLoop& loop) : loop_(loop) {}

    void prepare(std::size_t count) override { prepared = count; }
    void submit(Work work) override { queue_.push_back(std::move(work)); }

    bool step()
    {
        if (queue_.empty()) {
            return false;
        }
        Work work = std::move(queue_.front());
        queue_.pop_front();
        stuck_now = false;
        Continuation continuation = work();
        if (stuck_now) {
            stuck_.push_back(std::move(continuation));
        } else if (continuation) {
            loop_.post(std::move(continuation));
        }
        return true;
    }
    /// The one that has been stuck for longest.
    void first_comes_back()
    {
        loop_.post(std::move(stuck_.front()));
        stuck_.erase(stuck_.begin());
    }
    void come_back()
    {
        for (auto& continuation : std::exchange(stuck_, {})) {
            loop_.post(std::move(continuation));
        }
    }

    std::size_t prepared = 0;
    bool stuck_now = false; ///< set by a fake kernel call

private:
    system::EventLoop& loop_;
    std::deque<Work> queue_;
    std::vector<Continuation> stuck_;
};

class FakeMountTable : public system::MountTable {
public:
    Result<std::vector<system::Mount>> read() override { return mounts; }
    std::vector<system::Mount> mounts;
};

class FakeBlockLayers : public system::BlockLayers {
public:
    Result<std::vector<system::BackingFile>> backing_files(const system::Mount& mount) override
    {
        return files[mount.mount_point];
    }
    std::map<std::string, std::vector<system::BackingFile>> files;
};

/// A kernel with file systems that are frozen or not.
class FakeFsControl : public system::FsControl {
public:
    FakeFsControl(FakeMountTable& table, FakeWorkers& workers, Journal& journal)
        : table_(table), workers_(workers), journal_(journal)
    {}

    Result<system::OpenedMount> open_mount(const std::string& mount_point) override
    {
        journal_.push_back("open " + mount_point);
        if (cannot_open.count(mount_point) != 0) {
            return fail_errno("opening " + mount_point, cannot_open[mount_point]);
        }
        workers_.stuck_now = stuck_open.count(mount_point) != 0;
        system::OpenedMount opened;
        opened.directory = UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        for (const auto& mount : table_.mounts) {
            if (mount.mount_point == mount_point) {
                opened.device = mount.device;
                opened.mount_id = replaced.count(mount_point) != 0 ? 9999 : mount.id;
            }
        }
        names_[opened.directory.get()] = mount_point;
        return opened;
    }
    Result<void> sync(const UniqueFd& directory) override
    {
        journal_.push_back("sync " + name(directory));
        workers_.stuck_now = stuck_sync.count(name(directory)) != 0;
        return {};
    }
    Result<system::FreezeOutcome> freeze(const UniqueFd& directory) override
    {
        const std::string mount_point = name(directory);
        journal_.push_back("freeze " + mount_point);
        if (const auto error = freeze_errors.find(mount_point); error != freeze_errors.end()) {
            return fail_errno("freezing (FIFREEZE)", error->second);
        }
        if (unsupported.count(mount_point) != 0) {
            return system::FreezeOutcome::unsupported;
        }
        if (!frozen.insert(mount_point).second) {
            return system::FreezeOutcome::already_frozen;
        }
        workers_.stuck_now = stuck_freeze.count(mount_point) != 0;
        return system::FreezeOutcome::frozen;
    }
    Result<system::ThawOutcome> thaw(const UniqueFd& directory) override
    {
        const std::string mount_point = name(directory);
        journal_.push_back("thaw " + mount_point);
        workers_.stuck_now = stuck_thaw.count(mount_point) != 0;
        if (const auto error = thaw_errors.find(mount_point); error != thaw_errors.end()) {
            return fail_errno("thawing (FITHAW)", error->second);
        }
        return frozen.erase(mount_point) != 0 ? system::ThawOutcome::thawed
                                              : system::ThawOutcome::not_frozen;
    }

    std::set<std::string> frozen;
    std::set<std::string> unsupported;
    std::set<std::string> replaced;
    std::set<std::string> stuck_open;
    std::set<std::string> stuck_sync;
    std::set<std::string> stuck_freeze;
    std::set<std::string> stuck_thaw;
    std::map<std::string, int> cannot_open;
    std::map<std::string, int> freeze_errors;
    std::map<std::string, int> thaw_errors;

private:
    std::string name(const UniqueFd& directory) { return names_[directory.get()]; }

    FakeMountTable& table_;
    FakeWorkers& workers_;
    Journal& journal_;
    std::map<int, std::string> names_;
};

/// Hooks that do what the test says; with `automatic` off each step waits for the test.
struct FakeHooks {
    explicit FakeHooks(FakeLoop& the_loop, Journal& the_journal)
        : loop(the_loop), journal(the_journal)
    {}

    FakeLoop& loop;
    Journal& journal;
    hooks::QuiesceResult result;
    hooks::HoldVerdict verdict;
    std::optional<Error> prepare_error;
    bool automatic = true;
    std::vector<std::string> owed;
    std::vector<std::string> owed_after_thaw;
    hooks::QuiesceRequest asked;
    hooks::Outcome told = hooks::Outcome::consistent;
    std::vector<std::string> recovered;
    bool asked_any = false;
    bool answers_prepare = true;

    std::function<void()> finish_quiesce;
    std::function<void()> finish_release;
    std::function<void()> finish_thaw;
    std::function<void(std::string)> lose_session;
};

class FakeQuiesceRun : public hooks::QuiesceRun {
public:
    explicit FakeQuiesceRun(FakeHooks& hooks) : hooks_(hooks) {}

    void quiesce(std::function<void(hooks::QuiesceResult)> done) override
    {
        hooks_.asked_any = true;
        if (const Result<void> saved = save_ ? save_() : Result<void>{}; !saved) {
            hooks_.asked_any = false;
            hooks_.loop.post([done, error = saved.error()] {
                hooks::QuiesceResult result;
                result.error = error;
                done(result);
            });
            return;
        }
        hooks_.journal.push_back("quiesce");
        hold(hooks_.finish_quiesce, [this, done = std::move(done)] { done(hooks_.result); });
    }
    void cancel() override { hooks_.journal.push_back("cancel hooks"); }
    void on_lost(std::function<void(std::string)> action) override
    {
        hooks_.lose_session = std::move(action);
    }
    void release(hooks::Outcome outcome, std::chrono::milliseconds,
                 std::function<void(hooks::HoldVerdict)> done) override
    {
        hooks_.journal.push_back("release");
        hooks_.told = outcome;
        hold(hooks_.finish_release, [this, done = std::move(done)] { done(hooks_.verdict); });
    }
    void thaw(hooks::Outcome outcome, std::function<void()> done) override
    {
        hooks_.journal.push_back("thaw hooks");
        hooks_.told = outcome;
        hold(hooks_.finish_thaw, [this, done = std::move(done)] {
            hooks_.owed = hooks_.owed_after_thaw;
            static_cast<void>(save_ ? save_() : Result<void>{});
            done();
        });
    }
    void on_debts(std::function<Result<void>()> save) override { save_ = std::move(save); }
    std::vector<hooks::OwedHook> debts() const override
    {
        std::vector<hooks::OwedHook> debts;
        for (const std::string& name :
             hooks_.asked_any ? hooks_.owed : std::vector<std::string>{}) {
            debts.push_back({name, 0});
        }
        return debts;
    }
    const std::vector<hooks::HookRecord>& records() const override { return records_; }

private:
    void hold(std::function<void()>& place, std::function<void()> action)
    {
        if (hooks_.automatic) {
            hooks_.loop.post(std::move(action));
        } else {
            place = std::move(action);
        }
    }

    FakeHooks& hooks_;
    std::vector<hooks::HookRecord> records_;
    std::function<Result<void>()> save_;
};

class FakeQuiescer : public hooks::Quiescer {
public:
    explicit FakeQuiescer(FakeHooks& hooks) : hooks_(hooks) {}

    void prepare(hooks::QuiesceRequest request, Prepared done) override
    {
        hooks_.asked = std::move(request);
        hooks_.asked_any = false;
        if (hooks_.answers_prepare) {
            hooks_.loop.post([this, done = std::move(done)] {
                if (hooks_.prepare_error) {
                    return done(fail(*hooks_.prepare_error));
                }
                done(std::unique_ptr<hooks::QuiesceRun>{std::make_unique<FakeQuiesceRun>(hooks_)});
            });
        }
    }
    void recover(std::string, std::vector<hooks::OwedHook> owed, Prepared done) override
    {
        hooks_.asked_any = true;
        hooks_.recovered.clear();
        for (const hooks::OwedHook& hook : owed) {
            hooks_.recovered.push_back(hook.name);
        }
        hooks_.owed = hooks_.recovered;
        hooks_.loop.post([this, done = std::move(done)] {
            done(std::unique_ptr<hooks::QuiesceRun>{std::make_unique<FakeQuiesceRun>(hooks_)});
        });
    }
    void list(bool, std::function<void(Result<std::vector<hooks::HookListing>>)> done) override
    {
        done(std::vector<hooks::HookListing>{});
    }

private:
    FakeHooks& hooks_;
};

/// Guards that answer at once unless told otherwise.
class FakeGuards : public freeze::GuardStarter {
public:
    FakeGuards(FakeLoop& loop, Journal& journal) : loop_(loop), journal_(journal) {}

    void start(const Mounts& mounts, freeze::GuardEvents guard_events,
               std::function<void(Result<std::unique_ptr<freeze::Guard>>)> done) override;

    std::optional<Error> start_error;
    std::optional<Error> arm_error;
    bool answers_arm = true;
    freeze::GuardEvents events;
    std::optional<system::EventLoop::TimePoint> deadline;
    std::vector<std::size_t> forgotten;

private:
    friend class FakeGuard;
    FakeLoop& loop_;
    Journal& journal_;
};

class FakeGuard : public freeze::Guard {
public:
    explicit FakeGuard(FakeGuards& guards) : guards_(guards) {}

    void arm(std::optional<system::EventLoop::TimePoint> deadline,
             std::function<void(Result<void>)> done) override
    {
        guards_.journal_.push_back("arm guard");
        guards_.deadline = deadline;
        if (guards_.answers_arm) {
            guards_.loop_.post([done, error = guards_.arm_error] {
                done(error ? Result<void>{fail(*error)} : Result<void>{});
            });
        }
    }
    void forget(std::size_t index) override { guards_.forgotten.push_back(index); }
    void disarm() override { guards_.journal_.push_back("disarm guard"); }

private:
    FakeGuards& guards_;
};

inline void FakeGuards::start(const Mounts& mounts, freeze::GuardEvents guard_events,
                              std::function<void(Result<std::unique_ptr<freeze::Guard>>)> done)
{
    journal_.push_back("start guard for " + std::to_string(mounts.size()));
    events = std::move(guard_events);
    loop_.post([this, done = std::move(done)] {
        if (start_error) {
            return done(fail(*start_error));
        }
        done(std::unique_ptr<freeze::Guard>{std::make_unique<FakeGuard>(*this)});
    });
}

class FakeRunState : public freeze::RunStateStore {
public:
    explicit FakeRunState(Journal& journal) : journal_(journal) {}

    Result<void> save(const freeze::RunState& state) override
    {
        if (save_error) {
            return fail(*save_error);
        }
        journal_.push_back("save state");
        saved = state;
        return {};
    }
    Result<std::optional<freeze::RunState>> load() override { return saved; }
    void remove() override
    {
        journal_.push_back("remove state");
        saved.reset();
    }

    std::optional<freeze::RunState> saved;
    std::optional<Error> save_error;

private:
    Journal& journal_;
};

} // namespace frostline::test
