// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"
#include "system/workers.hpp"

#include <cstddef>
#include <deque>
#include <utility>

namespace frostline::test {

/// Workers on which nothing comes back before the test says so: calls that hang.
class HeldWorkers : public system::Workers {
public:
    explicit HeldWorkers(system::EventLoop& loop) : loop_(&loop) {}

    void prepare(std::size_t /*count*/) override {}
    void submit(Work work) override { held_.push_back(std::move(work)); }

    [[nodiscard]] std::size_t held() const { return held_.size(); }
    /// Does the oldest work that is held; what becomes of it is posted to the loop.
    void finish_one()
    {
        const Work work = std::move(held_.front());
        held_.pop_front();
        if (Continuation continuation = work()) {
            loop_->post(std::move(continuation));
        }
    }

private:
    system::EventLoop* loop_;
    std::deque<Work> held_;
};

} // namespace frostline::test
