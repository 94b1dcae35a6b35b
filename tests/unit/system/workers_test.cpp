// SPDX-License-Identifier: Apache-2.0
#include "support/fake_loop.hpp"
#include "system/thread_workers.hpp"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;

TEST(ThreadWorkers, RunsOffTheLoopAndReturnsToIt)
{
    test::FakeLoop loop;
    ThreadWorkers workers{loop};
    std::promise<std::thread::id> ran;
    std::thread::id continued;
    workers.submit([&]() -> Workers::Continuation {
        ran.set_value(std::this_thread::get_id());
        return [&] { continued = std::this_thread::get_id(); };
    });
    EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
    while (loop.run_posted() == 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(continued, std::this_thread::get_id());
}

TEST(ThreadWorkers, AStuckOneHoldsUpNoOther)
{
    test::FakeLoop loop;
    ThreadWorkers workers{loop};
    std::promise<void> let_go;
    std::promise<void> other;
    workers.submit([&, gate = let_go.get_future().share()]() -> Workers::Continuation {
        gate.wait();
        return nullptr;
    });
    workers.submit([&]() -> Workers::Continuation {
        other.set_value();
        return nullptr;
    });
    EXPECT_EQ(other.get_future().wait_for(5s), std::future_status::ready);
    let_go.set_value();
}

TEST(ThreadWorkers, PreparedOnesRunAtTheSameTime)
{
    test::FakeLoop loop;
    ThreadWorkers workers{loop};
    workers.prepare(3);
    std::promise<void> let_go;
    const std::shared_future<void> gate = let_go.get_future().share();
    std::array<std::promise<void>, 3> started;
    for (auto& each : started) {
        workers.submit([&each, gate]() -> Workers::Continuation {
            each.set_value();
            gate.wait();
            return nullptr;
        });
    }
    for (auto& each : started) {
        EXPECT_EQ(each.get_future().wait_for(5s), std::future_status::ready);
    }
    let_go.set_value();
}

TEST(ThreadWorkers, GoesWithoutWaitingForAStuckOne)
{
    test::FakeLoop loop;
    auto let_go = std::make_shared<std::promise<void>>();
    std::promise<void> started;
    std::promise<void> ended;
    {
        std::optional<ThreadWorkers> workers;
        workers.emplace(loop);
        workers->submit([&, gate = let_go->get_future().share()]() -> Workers::Continuation {
            started.set_value();
            gate.wait();
            ended.set_value();
            return [] { ADD_FAILURE() << "posted to a loop that may have gone"; };
        });
        started.get_future().wait();
    }
    let_go->set_value();
    ended.get_future().wait();
    loop.run_posted();
}

} // namespace
} // namespace frostline::system
