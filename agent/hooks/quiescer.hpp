// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

/// What the freeze session needs of the hooks: quiesce the applications, then let go of them.
/// The engine (hooks/engine.hpp) implements it; tests of the session use a fake.
namespace frostline::hooks {

/// How a freeze ended, as thaw hooks are told in FROSTLINE_OUTCOME.
enum class Outcome { consistent, aborted, expired };

enum class HookResult {
    done,      ///< exit 0; for a session on freeze: READY
    held,      ///< a session that let go at the end and says it held all the time
    lost,      ///< a session that did not hold: it died, or said so by its exit status
    busy,      ///< exit 75
    skipped,   ///< exit 77
    failed,    ///< any other exit, a signal, or it could not be started
    timed_out, ///< its limit passed and it was killed
    cancelled, ///< interrupted by a thaw or by its asker giving up
};

enum class HookPhase { check, freeze, hold, thaw };

/// One run of one hook, for the report.
struct HookRecord {
    std::string name;
    int stage = 0; ///< 0 to 99; -1 for the qemu-ga compatible script
    HookPhase phase = HookPhase::freeze;
    HookResult result = HookResult::done;
    system::EventLoop::TimePoint start;
    std::chrono::nanoseconds duration{0};
    std::string standard_error; ///< up to 64 KiB
    std::string standard_output;
    bool optional = false; ///< OnFailure=continue
};

struct QuiesceRequest {
    std::string freeze_id;
    std::vector<std::string> mount_points; ///< about to be frozen
    std::vector<dev_t> devices;            ///< their st_dev, for Filesystems=
    std::chrono::milliseconds budget{0};   ///< for all freeze hooks together; 0: none
    /// Mount points whose server may be gone: a path below one of them is never touched.
    std::vector<std::string> remote;
};

/// A hook that was asked to freeze and has not thawed yet.
struct OwedHook {
    std::string name;
    std::uint64_t running = 0; ///< tag of its call under way (system/run_tag.hpp); 0: none
};

struct QuiesceResult {
    std::optional<Error> error; ///< set: called off; what had been started must still be thawed
    bool degraded = false;      ///< a hook with OnFailure=continue failed
    int holding = 0;            ///< hooks that did something that a thaw has to undo
    std::optional<std::chrono::seconds> retry_after; ///< a busy hook asked for it
};

/// Whether all session hooks held from READY until they were told to thaw.
struct HoldVerdict {
    bool held = true;
    bool complete = true; ///< false: the limit passed before every session had answered
    std::string reason;   ///< names the first hook that did not hold
};

/// The hooks of one freeze, from the first `freeze` to the last `thaw`. Loop thread only.
/// Destroying it kills what still runs.
class QuiesceRun {
public:
    virtual ~QuiesceRun() = default;

    /// Runs the stages upwards. `done` comes once, also after cancel(), also when there is nothing
    /// to run; never inside this call.
    virtual void quiesce(std::function<void(QuiesceResult)> done) = 0;
    /// Ends a quiesce() under way: starts no further hook, terminates those that run.
    virtual void cancel() = 0;
    /// Called at once when a session ends on its own while it should hold.
    virtual void on_lost(std::function<void(std::string reason)> action) = 0;

    /// Tells every session hook to let go and waits at most `limit` for their answers.
    virtual void release(Outcome outcome, std::chrono::milliseconds limit,
                         std::function<void(HoldVerdict)> done) = 0;
    /// After release(): runs the thaw hooks that are owed, stages downwards, each hook that was
    /// asked to freeze, the failed ones too. `done` when all have ended within their limits.
    virtual void thaw(Outcome outcome, std::function<void()> done) = 0;

    /// `save` is called from inside the other functions, each time debts() has changed: before a
    /// hook is asked to freeze (an error calls the freeze off, and that hook is not asked), and
    /// when a call has begun or ended (errors are not looked at).
    virtual void on_debts(std::function<Result<void>()> save) = 0;
    /// Hooks that were asked to freeze and whose thaw has not succeeded yet.
    [[nodiscard]] virtual std::vector<OwedHook> debts() const = 0;
    /// Their names.
    [[nodiscard]] std::vector<std::string> owed() const
    {
        std::vector<std::string> names;
        for (OwedHook& hook : debts()) {
            names.push_back(std::move(hook.name));
        }
        return names;
    }
    [[nodiscard]] virtual const std::vector<HookRecord>& records() const = 0;
};

/// A hook as `frostline-list-hooks` shows it.
struct HookListing {
    std::string name;
    int stage = 0;
    bool session = false;
    std::string path;
    std::string description;
    enum class State { active, masked, refused, condition_unmet } state = State::active;
    std::string reason; ///< for every state but active
    std::chrono::milliseconds freeze_timeout{0};
    std::chrono::milliseconds thaw_timeout{0};
    bool optional = false;
    std::optional<HookRecord> check; ///< when asked for
};

class Quiescer {
public:
    using Prepared = std::function<void(Result<std::unique_ptr<QuiesceRun>>)>;

    virtual ~Quiescer() = default;

    /// Reads the hook directories and prepares a run. An error names the file that is wrong.
    /// `done` comes once, never inside the call; it may never come when a path that a hook names
    /// lies on a file system that does not answer, so the caller has a limit of its own.
    virtual void prepare(QuiesceRequest request, Prepared done) = 0;
    /// A run that only thaws: for the hooks that an agent which died had asked to freeze. What
    /// still runs of their calls is killed first. on_debts() and thaw() are the only calls made on
    /// it. An error means that nothing can be thawed.
    virtual void recover(std::string freeze_id, std::vector<OwedHook> owed, Prepared done) = 0;
    /// Lists all hooks; with `check` runs each active one's check first (side by side, within
    /// their limits).
    virtual void list(bool check, std::function<void(Result<std::vector<HookListing>>)> done) = 0;
};

} // namespace frostline::hooks
