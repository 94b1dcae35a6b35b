// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/hook_call.hpp"
#include "hooks/planned_hook.hpp"
#include "hooks/quiescer.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace frostline::hooks {

/// Runs the `check` of several hooks side by side, each within its FreezeTimeout, and puts the
/// results into a listing.
class CheckRound {
public:
    CheckRound(system::EventLoop& loop, system::ChildLauncher& launcher,
               std::vector<HookListing> listing)
        : loop_(&loop), launcher_(&launcher), listing_(std::move(listing))
    {}

    /// Starts the check of entry `index`.
    void start(std::size_t index, const PlannedHook& planned);
    /// To be called once, after the last start(). `done` comes when all have ended, never inside.
    void finish(std::function<void(std::vector<HookListing>)> done);

private:
    void record(std::size_t index, HookResult result, const CallEnd& end,
                system::EventLoop::TimePoint since);
    void conclude_if_done();

    system::EventLoop* loop_;
    system::ChildLauncher* launcher_;
    std::vector<HookListing> listing_;
    std::vector<std::unique_ptr<HookCall>> calls_;
    std::size_t running_ = 0;
    std::function<void(std::vector<HookListing>)> done_;
};

} // namespace frostline::hooks
