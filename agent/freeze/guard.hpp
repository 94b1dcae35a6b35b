// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/event_loop.hpp"
#include "system/fs_control.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

struct GuardEvents {
    std::function<void()> expired;         ///< the deadline passed: the guard is thawing
    std::function<void(std::string)> lost; ///< the guard ended on its own, with the reason
};

/// A guard process with a duplicate of every mount's descriptor. Loop thread only.
/// Destroying an armed one without disarm() makes it thaw everything, as if the agent had died.
class Guard {
public:
    virtual ~Guard() = default;

    /// From `done` without an error on, the guard thaws at `deadline` (absent: only when the agent
    /// dies). Once.
    virtual void arm(std::optional<system::EventLoop::TimePoint> deadline,
                     std::function<void(Result<void>)> done) = 0;
    /// The mount at this index is not frozen by us (any more): never thaw it.
    virtual void forget(std::size_t index) = 0;
    /// Nothing is frozen any more: the guard ends without thawing.
    virtual void disarm() = 0;
};

class GuardStarter {
public:
    using Mounts = std::vector<std::shared_ptr<const system::OpenedMount>>;

    virtual ~GuardStarter() = default;

    /// Starts a guard for `mounts`. `done` comes once, on the loop, never inside the call; with a
    /// guard that has all it needs in memory, or an error that says what to do.
    virtual void start(const Mounts& mounts, GuardEvents events,
                       std::function<void(Result<std::unique_ptr<Guard>>)> done) = 0;
};

} // namespace frostline::freeze
