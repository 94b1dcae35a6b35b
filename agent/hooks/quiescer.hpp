// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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

    /// Hooks that were asked to freeze and whose thaw has not succeeded yet.
    [[nodiscard]] virtual std::vector<std::string> owed() const = 0;
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
    virtual ~Quiescer() = default;

    /// Reads the hook directories and prepares a run. An error names the file that is wrong.
    [[nodiscard]] virtual Result<std::unique_ptr<QuiesceRun>> prepare(QuiesceRequest request) = 0;
    /// A run that only thaws: for the hooks (by file name) that an agent which died had asked to
    /// freeze. thaw() is the only call made on it. An error means that nothing can be thawed.
    [[nodiscard]] virtual Result<std::unique_ptr<QuiesceRun>>
    recover(const std::string& freeze_id, const std::vector<std::string>& names)
    {
        static_cast<void>(freeze_id);
        static_cast<void>(names);
        return fail(ErrorKind::unsupported, "these hooks cannot be thawed after a restart");
    }
    /// Lists all hooks; with `check` runs each active one's check first (side by side, within
    /// their limits).
    virtual void list(bool check, std::function<void(Result<std::vector<HookListing>>)> done) = 0;
};

} // namespace frostline::hooks
