// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"
#include "system/workers.hpp"

#include <cstddef>
#include <utility>

namespace frostline::test {

/// Does the work inside submit(); only its result waits for the loop.
class PromptWorkers : public system::Workers {
public:
    explicit PromptWorkers(system::EventLoop& loop) : loop_(&loop) {}

    void prepare(std::size_t /*count*/) override {}
    void submit(Work work) override
    {
        if (Continuation continuation = work()) {
            loop_->post(std::move(continuation));
        }
    }

private:
    system::EventLoop* loop_;
};

} // namespace frostline::test
