// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"
#include "system/workers.hpp"

#include <cstddef>
#include <memory>

namespace frostline::system {

/// Threads with small stacks (they may be locked in memory) and all signals blocked. Idle ones are
/// reused; a new one starts only when none is idle. Created and destroyed on the loop's thread.
class ThreadWorkers : public Workers {
public:
    explicit ThreadWorkers(EventLoop& loop);
    ThreadWorkers(const ThreadWorkers&) = delete;
    ThreadWorkers& operator=(const ThreadWorkers&) = delete;
    /// Lets idle threads end and does not wait for busy ones: what they return is dropped.
    ~ThreadWorkers() override;

    void prepare(std::size_t count) override;
    /// When no thread can be started, the work waits for the next one that gets free.
    void submit(Work work) override;

private:
    struct Shared;
    std::shared_ptr<Shared> shared_; ///< outlives this object in threads that are stuck
};

} // namespace frostline::system
