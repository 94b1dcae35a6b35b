// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/workers.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace frostline::system {

/// Calls that may block, on workers, one after the other in order of submission. Loop thread only.
/// Lives on until what was submitted is done.
class Strand : public std::enable_shared_from_this<Strand> {
public:
    explicit Strand(Workers& workers) : workers_(&workers) {}

    /// As Workers::submit().
    void submit(Workers::Work work)
    {
        queue_.push_back(std::move(work));
        if (!busy_) {
            start_next();
        }
    }
    /// Calls that wait for another one to end.
    [[nodiscard]] std::size_t waiting() const noexcept { return queue_.size(); }

private:
    void start_next()
    {
        busy_ = !queue_.empty();
        if (!busy_) {
            return;
        }
        Workers::Work work = std::move(queue_.front());
        queue_.pop_front();
        workers_->submit([self = shared_from_this(), work = std::move(work)]() mutable {
            Workers::Continuation done = work();
            work = nullptr; // what it captured dies on the worker
            return [self, done = std::move(done)] {
                if (done) {
                    done();
                }
                self->start_next();
            };
        });
    }

    Workers* workers_;
    std::deque<Workers::Work> queue_;
    bool busy_ = false;
};

/// `work()` on the strand, then `done(its result)` on the loop's thread.
template <typename Work, typename Done>
void run_on(Strand& strand, Work work, Done done)
{
    strand.submit([work = std::move(work), done = std::move(done)]() mutable {
        auto result = std::make_shared<decltype(work())>(work());
        return [result, done = std::move(done)]() mutable { done(std::move(*result)); };
    });
}

} // namespace frostline::system
