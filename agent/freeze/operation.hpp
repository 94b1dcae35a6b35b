// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/fs_set.hpp"
#include "freeze/guard.hpp"
#include "freeze/plan.hpp"
#include "freeze/run_state.hpp"
#include "freeze/session.hpp"
#include "freeze/settings.hpp"
#include "hooks/quiescer.hpp"
#include "system/block_layers.hpp"
#include "system/fs_control.hpp"
#include "system/mount_table.hpp"
#include "system/workers.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

/// What a freeze is built from. All outlive the session.
struct Parts {
    system::EventLoop& loop;
    system::Workers& workers;
    system::MountTable& mounts;
    system::BlockLayers& layers;
    system::FsControl& control;
    hooks::Quiescer& quiescer;
    GuardStarter& guards;
    RunStateStore& store;
};

/// Why an operation goes back to nothing held.
enum class Ending {
    host,       ///< the host's thaw after a freeze that was granted
    lapsed,     ///< the deadline passed after a freeze that was granted
    called_off, ///< failed, interrupted, given up or shut down: rolled back
    nothing,    ///< nothing could be frozen and no hook holds anything
};

/// One freeze, from the request to the last thaw hook. It goes forward step by step; end() turns it
/// round at any step, and from there it undoes what was done. Loop thread only.
class Operation {
public:
    using TimePoint = system::EventLoop::TimePoint;

    /// None but `save` is called inside start() or end().
    struct Events {
        /// What held() gives has changed: to be written down. Called in the middle of everything.
        std::function<Result<void>()> save;
        std::function<void()> frozen;   ///< everything holds; count() is what to answer
        std::function<void()> released; ///< file systems thawed and sessions asked: answer now
        std::function<void()> finished; ///< the thaw hooks have ended
    };

    Operation(Parts& parts, const Settings& settings, Request request, std::string id,
              Events events);
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    ~Operation();

    void start();
    /// Turns round; once, later calls change nothing. `error` is what the freeze's asker hears.
    void end(Ending why, std::optional<Error> error);
    /// Another try at file systems whose thaw failed; nothing when there are none.
    void thaw_again();
    /// Runs the thaw hooks that are still owed once more.
    void retry_owed(std::function<void()> done);
    /// Called when the last stuck file system has been thawed after all.
    void on_resolved(std::function<void()> action) { on_resolved_ = std::move(action); }

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] std::optional<Ending> ending() const { return ending_; }
    [[nodiscard]] bool was_frozen() const { return granted_; }
    [[nodiscard]] bool was_released() const { return released_; }
    [[nodiscard]] bool holds_something() const; ///< what guest-fsfreeze-status calls frozen
    /// What a freeze answers while frozen.
    [[nodiscard]] std::int64_t count() const;
    /// What its thaw answers.
    [[nodiscard]] std::int64_t thawed_count() const;
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }
    /// Why it did not hold until its thaw; nullopt when it did.
    [[nodiscard]] std::optional<std::string> lost() const;
    /// When that was known: a session that ends early is seen at once, all else at the thaw.
    [[nodiscard]] TimePoint lost_at() const;
    [[nodiscard]] std::optional<std::chrono::milliseconds> deadline() const { return deadline_; }
    [[nodiscard]] std::optional<std::chrono::milliseconds> deadline_remaining() const;
    [[nodiscard]] std::vector<std::string> owed() const;
    /// What a successor would have to undo if this process died now.
    [[nodiscard]] RunState held() const;
    [[nodiscard]] std::vector<std::string> unresolved() const;
    [[nodiscard]] Report report() const;

private:
    // Forward (operation.cpp)
    void planned(Result<Plan> plan);
    void opened(Result<void> result);
    void guard_started(Result<std::unique_ptr<Guard>> guard);
    void presync();
    void quiesce();
    void prepared(Result<std::unique_ptr<hooks::QuiesceRun>> run);
    void quiesced(hooks::QuiesceResult result);
    void last_sync();
    void save_and_arm();
    void armed(Result<void> result);
    void freeze_ended(Result<void> result);
    void fail_with(Error error);

    // Back (operation_thaw.cpp)
    void thaw();
    void thawed();
    void release();
    void let_go();
    void verdict(hooks::HoldVerdict verdict);
    void announce_released();
    void run_thaw_hooks();
    void finish();
    void deadline_passed();
    void tidy_when_resolved();
    [[nodiscard]] hooks::Outcome hook_outcome() const;
    [[nodiscard]] Outcome outcome() const;

    void begin_phase(const char* name);
    void end_phase();
    /// Wraps a step: it runs only while the operation is alive and has not turned round.
    template <typename Step>
    auto forward(Step step);
    /// Runs only while the operation is alive.
    template <typename Step>
    auto alive(Step step);

    Parts& parts_;
    const Settings& settings_;
    Request request_;
    std::string id_;
    Events events_;
    std::optional<std::chrono::milliseconds> deadline_;
    std::shared_ptr<bool> token_ = std::make_shared<bool>(true);

    State state_ = State::planning;
    std::optional<Ending> ending_;
    std::optional<Error> error_;
    bool granted_ = false;
    bool released_ = false;
    bool finished_ = false;
    bool thaw_waited_ = false; ///< the wait for FITHAW is over: what is left is stuck

    std::vector<LeftOut> left_out_;
    std::vector<std::string> remote_;
    std::unique_ptr<FsSet> set_;
    std::unique_ptr<Guard> guard_;
    bool log_held_ = false;
    bool freezing_begun_ = false; ///< file systems are in the run state

    std::unique_ptr<hooks::QuiesceRun> run_;
    bool quiescing_ = false; ///< quiesce() has not called back yet
    bool release_waits_ = false;
    hooks::QuiesceResult quiesced_;
    hooks::HoldVerdict verdict_;
    std::string lost_session_;
    TimePoint lost_session_at_;

    std::optional<TimePoint> deadline_at_;
    system::Subscription deadline_timer_;
    system::Subscription prepare_limit_;
    system::Subscription release_timer_;
    system::Subscription turn_;
    std::function<void()> on_resolved_;

    std::chrono::system_clock::time_point started_;
    TimePoint started_at_;
    std::vector<PhaseRecord> phases_;
    bool phase_open_ = false;
};

template <typename Step>
auto Operation::forward(Step step)
{
    return [this, step, token = std::weak_ptr{token_}](auto&&... arguments) {
        if (!token.expired() && !ending_) {
            step(std::forward<decltype(arguments)>(arguments)...);
        }
    };
}

template <typename Step>
auto Operation::alive(Step step)
{
    return [step, token = std::weak_ptr{token_}](auto&&... arguments) {
        if (!token.expired()) {
            step(std::forward<decltype(arguments)>(arguments)...);
        }
    };
}

} // namespace frostline::freeze
