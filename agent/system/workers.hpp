// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace frostline::system {

/// Runs calls that may block in the kernel (FIFREEZE, syncfs, opening a mount point) off the loop.
/// A worker shares nothing: it takes values, returns values. One that never comes back costs a
/// thread, not the agent: submit() always finds or starts another one.
class Workers {
public:
    using Continuation = std::function<void()>;
    using Work = std::function<Continuation()>;

    virtual ~Workers() = default;

    /// Makes sure that `count` calls can run at once without a thread being created: thread
    /// creation allocates, and may not be left to the moment when file systems are frozen.
    virtual void prepare(std::size_t count) = 0;
    /// Runs `work` on a worker, then what it returned on the loop's thread. Loop thread only.
    virtual void submit(Work work) = 0;
};

/// `work()` on a worker, then `done(its result)` on the loop's thread.
template <typename Work, typename Done>
void run_on(Workers& workers, Work work, Done done)
{
    workers.submit([work = std::move(work), done = std::move(done)]() mutable {
        // Shared, since std::function needs something it can copy and results may be move-only.
        auto result = std::make_shared<decltype(work())>(work());
        return [result, done = std::move(done)]() mutable { done(std::move(*result)); };
    });
}

} // namespace frostline::system
