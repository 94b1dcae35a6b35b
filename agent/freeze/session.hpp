// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "freeze/report.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

struct Request {
    std::optional<std::string> id;                        ///< absent: one is made
    std::optional<std::chrono::milliseconds> deadline;    ///< shortens the configured one only
    std::optional<std::vector<std::string>> mount_points; ///< absent: all
    std::vector<std::string> exclude;                     ///< mount point globs or @TYPE
    bool hooks = true;
    bool unknown_mount_point_is_error = true; ///< false for the standard list, as upstream
};

enum class State { idle, planning, syncing, quiescing, freezing, frozen, thawing, releasing };

struct Status {
    State state = State::idle;
    bool counts_as_frozen = false; ///< what guest-fsfreeze-status says
    std::optional<std::string> id;
    std::optional<std::chrono::milliseconds> deadline_remaining;
    std::vector<std::string> owed_hooks; ///< thaw hooks that still have to run
    std::optional<Report> last;          ///< the latest finished or running one
};

/// What a standard freeze answers: at least 1 whenever anything is held (contracts 4, promise 7).
struct Frozen {
    std::int64_t count = 0;
    Report report;
};

struct Thawed {
    std::int64_t count = 0; ///< file systems thawed by this call (at least 1 when hooks held)
    Report report;
};

/// How much of the thaw its asker waits for.
enum class ThawWait {
    released, ///< file systems thawed, session hooks asked (guest-fsfreeze-thaw)
    hooks,    ///< also the thaw hooks (frostline-thaw)
};

/// The one freeze of this guest. Loop thread only; callbacks come once each, never inside the call.
class Session {
public:
    virtual ~Session() = default;

    /// Plans, syncs, quiesces and freezes. A repeat with the id of the running or the last freeze
    /// returns that one. While another freeze is under way or in force: a busy error.
    virtual void freeze(Request request, std::function<void(Result<Frozen>)> done) = 0;
    /// Thaws whatever is held; interrupts a freeze under way (its asker gets a cancelled error).
    /// A wrong `id` is an error and thaws nothing. Nothing held: count 0. After a lapse or a lost
    /// hold: once an error that contains "fsfreeze is limited" (or the count, as configured).
    virtual void thaw(std::optional<std::string> id, ThawWait wait,
                      std::function<void(Result<Thawed>)> done) = 0;
    /// The asker of a freeze under way has given up: rolls it back. Nothing once it has answered.
    virtual void abandon(const std::string& reason) = 0;
    /// The way to the host is gone, and with it everybody who could ask for the thaw: rolls back a
    /// freeze under way and thaws one in force. The next thaw hears that it did not hold.
    virtual void host_lost(const std::string& reason) = 0;
    /// The guest is about to end: rolls back a freeze under way, thaws one in force, and calls
    /// `released` when the file systems are thawed (or given up on) and session hooks have been
    /// asked to let go. The next thaw hears that it did not hold. Freezes may be asked for again.
    virtual void call_off(const std::string& reason, std::function<void()> released) = 0;
    /// Before the agent exits: thaws, runs what is owed, then `done`.
    virtual void shutdown(std::function<void()> done) = 0;

    [[nodiscard]] virtual Status status() const = 0;
};

} // namespace frostline::freeze
