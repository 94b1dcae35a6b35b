// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/hook_call.hpp"
#include "hooks/planned_hook.hpp"
#include "hooks/quiescer.hpp"
#include "hooks/workspace.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::hooks {

/// The hooks of one freeze (quiescer.hpp says what each function promises). Three strictly
/// consecutive walks over the stages: quiesce upwards, release and thaw downwards.
class Run : public QuiesceRun {
public:
    /// `hooks` in order of their stages. `skipped` hooks are only recorded.
    Run(system::EventLoop& loop, system::ChildLauncher& launcher, QuiesceRequest request,
        std::vector<PlannedHook> hooks, const std::vector<Hook>& skipped, MountList mounts);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() override;

    void quiesce(std::function<void(QuiesceResult)> done) override;
    void cancel() override;
    void on_lost(std::function<void(std::string reason)> action) override;
    void release(Outcome outcome, std::chrono::milliseconds limit,
                 std::function<void(HoldVerdict)> done) override;
    void thaw(Outcome outcome, std::function<void()> done) override;
    /// For a run that only thaws: every hook counts as asked to freeze.
    void owe_all();
    void on_debts(std::function<Result<void>()> save) override { save_debts_ = std::move(save); }
    [[nodiscard]] std::vector<OwedHook> debts() const override;
    [[nodiscard]] const std::vector<HookRecord>& records() const override { return records_; }

private:
    enum class Life {
        idle,      ///< no process
        quiescing, ///< its freeze or hold call runs and has not said READY
        holding,   ///< a session after READY
        releasing, ///< a session that was told to let go
        thawing,   ///< its thaw call runs
    };

    struct Slot {
        Slot(PlannedHook hook, system::EventLoop& loop, system::ChildLauncher& launcher)
            : planned(std::move(hook)), call(std::make_unique<HookCall>(loop, launcher))
        {}

        PlannedHook planned;
        std::unique_ptr<HookCall> call;
        Life life = Life::idle;
        bool owes = false;      ///< was asked to freeze, has not thawed yet
        bool stopped = false;   ///< terminated because of others, not by its own limit
        bool by_budget = false; ///< its limit is what was left of the budget
        int thaw_tries = 0;
        std::uint64_t tag = 0; ///< of the call under way; 0: none
        std::chrono::milliseconds limit{0};
        system::EventLoop::TimePoint since;
        system::Subscription retry;

        [[nodiscard]] const std::string& name() const { return planned.hook.name; }
        [[nodiscard]] int stage() const { return planned.hook.stage; }
    };

    // quiesce: run_quiesce.cpp
    void start_next_stage();
    void start_freeze(Slot& slot);
    void on_line(Slot& slot, std::string_view line);
    void on_ready(Slot& slot);
    void on_freeze_end(Slot& slot, const CallEnd& end);
    void failed_to_quiesce(Slot& slot, ErrorKind kind, const std::string& what);
    void call_off(Error error);
    void stop_quiescing();
    void conclude_quiesce();

    // release: run_release.cpp
    void on_lost_hold(Slot& slot, const CallEnd& end);
    void release_next_stage();
    void tell_to_let_go(Slot& slot);
    void on_released(Slot& slot, const CallEnd& end);
    void on_release_limit();
    void tell_lost();
    void note_lost(const std::string& reason);

    // thaw: run_thaw.cpp
    void thaw_next_stage();
    void start_thaw(Slot& slot);
    void on_thaw_end(Slot& slot, HookResult result);

    // both: run.cpp
    void on_end(Slot& slot, const CallEnd& end);
    [[nodiscard]] Result<void> launch(Slot& slot, HookPhase phase, std::chrono::milliseconds limit);
    [[nodiscard]] Result<void> save_debts() const;
    HookRecord& record(const Slot& slot, HookPhase phase, HookResult result, const CallEnd& end);
    /// Whether a hook (of that stage) is in that part of its life.
    [[nodiscard]] bool any(Life life, std::optional<int> stage = std::nullopt) const;
    /// Runs `action` from the loop, unless this has gone by then.
    void later(std::function<void()> action);

    system::EventLoop* loop_;
    system::ChildLauncher* launcher_;
    QuiesceRequest request_;
    MountList mounts_;
    std::vector<Slot> slots_; ///< never changes in size: calls refer to its elements
    std::vector<HookRecord> records_;

    std::optional<int> stage_; ///< of the walk under way; nullopt: not begun
    system::EventLoop::TimePoint begun_;
    bool quiescing_ = false;
    bool cancelled_ = false;
    QuiesceResult quiesced_;
    std::function<void(QuiesceResult)> quiesce_done_;

    std::function<Result<void>()> save_debts_;
    std::function<void(std::string)> on_lost_;
    std::string lost_reason_; ///< of the first session that did not hold
    bool releasing_ = false;
    std::function<void(HoldVerdict)> release_done_;
    system::Subscription release_timer_;

    Outcome outcome_ = Outcome::consistent;
    bool thaw_walked_ = false; ///< every stage has had its first try
    std::function<void()> thaw_done_;

    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace frostline::hooks
