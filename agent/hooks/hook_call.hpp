// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/child_launcher.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

namespace frostline::hooks {

/// How one call of a hook's program ended.
struct CallEnd {
    system::ChildResult result;
    bool stuck = false; ///< killed, but it does not go: it waits in the kernel
};

/// One call of a hook's program, from launch to end. Unlike a plain Child it always ends: one that
/// cannot even be killed (it waits on a frozen file system) is given up a second after its KILL.
/// Destroying it kills the program. Loop thread only.
class HookCall {
public:
    HookCall(system::EventLoop& loop, system::ChildLauncher& launcher)
        : loop_(&loop), launcher_(&launcher)
    {}

    /// `on_end` comes once, unless this goes first or the launch is an error here.
    [[nodiscard]] Result<void> start(system::ChildSpec spec,
                                     std::function<void(std::string_view)> on_line,
                                     std::function<void(CallEnd)> on_end);
    /// Writes to its standard input and closes that.
    void tell_last(std::string_view text);
    void terminate();
    /// `limit` from now on; 0 lifts it.
    void set_limit(std::chrono::milliseconds limit);

private:
    void end(CallEnd end);
    void give_up_after(std::chrono::milliseconds limit);

    system::EventLoop* loop_;
    system::ChildLauncher* launcher_;
    std::unique_ptr<system::Child> child_;
    std::function<void(CallEnd)> on_end_;
    std::chrono::milliseconds kill_after_{0};
    system::Subscription give_up_;
};

} // namespace frostline::hooks
