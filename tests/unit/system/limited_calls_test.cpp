// SPDX-License-Identifier: Apache-2.0
#include "support/fake_loop.hpp"
#include "support/held_workers.hpp"
#include "system/limited_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class LimitedCallsTest : public testing::Test {
protected:
    using Calls = LimitedCalls<int>;

    /// Asks for numbers; `answers_` gets them, with -1 for what had no answer.
    void ask(const std::vector<int>& numbers)
    {
        std::vector<Calls::Call> calls;
        for (const int number : numbers) {
            calls.push_back({std::to_string(number), [number] { return Result<int>{number}; }});
        }
        answers_.reset();
        calls_.run(std::move(calls), [this](const Calls::Results& results) {
            ++done_;
            answers_.emplace();
            for (const Result<int>& result : results) {
                answers_->push_back(result.value_or(-1));
                if (!result) {
                    EXPECT_EQ(result.error().kind(), ErrorKind::timeout);
                }
            }
        });
    }
    void finish_one()
    {
        workers_.finish_one();
        loop_.run_posted();
    }

    test::FakeLoop loop_;
    test::HeldWorkers workers_{loop_};
    Calls calls_{loop_, workers_, 1s};
    std::optional<std::vector<int>> answers_;
    int done_ = 0;
};

TEST_F(LimitedCallsTest, RunsOneAfterTheOther)
{
    ask({1, 2});
    EXPECT_EQ(workers_.held(), 1U);
    finish_one();
    EXPECT_FALSE(answers_);
    finish_one();
    EXPECT_THAT(*answers_, ElementsAre(1, 2));
    EXPECT_EQ(loop_.pending_timers(), 0U);
}

TEST_F(LimitedCallsTest, NoCallsAreDoneAtOnce)
{
    ask({});
    EXPECT_THAT(*answers_, IsEmpty());
}

TEST_F(LimitedCallsTest, GoesOnWithoutTheOneThatHangs)
{
    ask({1, 2});
    loop_.advance(999ms);
    EXPECT_EQ(workers_.held(), 1U);
    loop_.advance(1ms);
    ASSERT_EQ(workers_.held(), 2U);
    finish_one(); // the late one: nobody waits for it
    EXPECT_FALSE(answers_);
    finish_one();
    EXPECT_THAT(*answers_, ElementsAre(-1, 2));
}

TEST_F(LimitedCallsTest, WhatHangsIsNotAskedAgainBeforeItIsBack)
{
    ask({1});
    loop_.advance(1s);
    EXPECT_THAT(*answers_, ElementsAre(-1));
    ask({1, 2});
    EXPECT_EQ(workers_.held(), 2U) << "only the second one was asked again";
    finish_one(); // the first one comes back at last
    finish_one();
    EXPECT_THAT(*answers_, ElementsAre(-1, 2));
    ask({1});
    finish_one();
    EXPECT_THAT(*answers_, ElementsAre(1));
    EXPECT_EQ(done_, 3);
}

TEST_F(LimitedCallsTest, AnAnswerAfterTheEndChangesNothing)
{
    ask({1, 2});
    loop_.advance(2s);
    EXPECT_THAT(*answers_, ElementsAre(-1, -1));
    finish_one();
    finish_one();
    EXPECT_EQ(done_, 1);
}

} // namespace
} // namespace frostline::system
