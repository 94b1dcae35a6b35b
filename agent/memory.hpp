// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/event_loop.hpp"

#include <functional>

namespace frostline::memory {

/// Tells the allocator to keep what long messages took, so that the next one finds it: taking it
/// from the kernel anew costs more than all the work on a message. Once, before there is a thread.
void keep_what_is_freed();

/// Locks every page that the agent has touched or will touch: what it has used once needs no swap
/// while a file system is frozen, and what it never uses costs nothing (mlockall(2), MCL_ONFAULT).
/// A fork drops it.
[[nodiscard]] Result<void> lock();

/// Gives the free memory of the heap back to the kernel. Unlocks the memory for a moment, since the
/// kernel does not take locked pages back (madvise(2), EINVAL): not while something is frozen.
void give_back();

/// Calls give_back() when there has been no large traffic for a second. Costs one wake-up after it,
/// and nothing while the agent idles. Loop thread only.
class GiveBackLater {
public:
    /// `may` is asked before: whether nothing is frozen.
    GiveBackLater(system::EventLoop& loop, std::function<bool()> may);

    /// There is large traffic now.
    void touch();

private:
    void arm();
    void on_timer();

    system::EventLoop& loop_;
    std::function<bool()> may_;
    bool touched_ = false;
    system::Subscription timer_;
};

} // namespace frostline::memory
