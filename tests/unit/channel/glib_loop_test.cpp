// SPDX-License-Identifier: Apache-2.0
#include "loop_fixture.hpp"

#include <csignal>
#include <thread>

#include <gmock/gmock.h>

namespace frostline::channel {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

using GlibLoopTest = LoopTest;

TEST_F(GlibLoopTest, TimersFireInOrderOfTheirTimeNotOfTheirRegistration)
{
    std::vector<int> fired;
    const auto late = loop_->after(20ms, [&] { fired.push_back(2); });
    const auto early = loop_->after(10ms, [&] { fired.push_back(1); });
    const auto cancelled = loop_->after(15ms, [&] { fired.push_back(3); });
    {
        const auto gone = loop_->after(1ms, [&] { fired.push_back(4); });
    }
    const_cast<system::Subscription&>(cancelled).cancel();
    run_until([&] { return fired.size() == 2; });
    EXPECT_THAT(fired, ElementsAre(1, 2));
}

TEST_F(GlibLoopTest, ATimerNeverRunsInsideItsRegistration)
{
    bool fired = false;
    const auto timer = loop_->after(-5s, [&] { fired = true; });
    EXPECT_FALSE(fired);
    run_until([&] { return fired; });
}

TEST_F(GlibLoopTest, ATimerThatRenewsItselfAtOnceLetsOthersRun)
{
    system::Subscription again;
    std::function<void()> renew = [&] { again = loop_->after(0ns, renew); };
    renew();
    bool posted = false;
    loop_->post([&] { posted = true; });
    run_until([&] { return posted; });
}

TEST_F(GlibLoopTest, AnEndlessDelayNeverFires)
{
    bool fired = false;
    const auto timer = loop_->after(std::chrono::nanoseconds::max(), [&] { fired = true; });
    settle();
    EXPECT_FALSE(fired);
}

TEST_F(GlibLoopTest, PostsFromOtherThreadsRunHereInOrder)
{
    std::vector<int> seen;
    std::thread other{[&] {
        for (int i = 0; i < 1000; ++i) {
            loop_->post([&seen, i] { seen.push_back(i); });
        }
    }};
    run_until([&] { return seen.size() == 1000; });
    other.join();
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(GlibLoopTest, AWatchMayCancelItselfFromItsCallback)
{
    const auto pair = socket_pair();
    put(pair[1], "x");
    int calls = 0;
    system::Subscription watch;
    watch = loop_->watch(pair[0].get(), {.readable = true, .writable = false},
                         [&](system::Readiness ready) {
                             EXPECT_TRUE(ready.readable);
                             ++calls;
                             watch.cancel();
                         });
    run_until([&] { return calls > 0; });
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(GlibLoopTest, SignalsArriveAsEvents)
{
    system::GlibLoop::block_signals({SIGUSR1});
    int seen = 0;
    const auto signals = loop_->on_signals({SIGUSR1}, [&](int signal) { seen = signal; });
    ASSERT_TRUE(signals);
    ::raise(SIGUSR1);
    run_until([&] { return seen != 0; });
    EXPECT_EQ(seen, SIGUSR1);
}

} // namespace
} // namespace frostline::channel
