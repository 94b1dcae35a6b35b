// SPDX-License-Identifier: Apache-2.0
#include "session_fixture.hpp"

#include <gmock/gmock.h>

namespace frostline::rpc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string empty_return = "{\"return\": {}}\n";

TEST_F(SessionTest, AnswersInOrder)
{
    ask("echo", 1);
    ask("ping");
    ask("echo", 2);
    EXPECT_EQ(output_.take(), returned(1) + empty_return + returned(2));
}

TEST_F(SessionTest, TheIdComesBackWhateverItIs)
{
    Request request;
    request.command = "ping";
    request.arguments = json::Object{};
    request.id = json::Value{nullptr};
    session_->on_request(request);
    EXPECT_THAT(output_.take(), HasSubstr("\"id\": null"));
    session_->on_error(Error{ErrorKind::protocol, "no"}, json::Value{7});
    EXPECT_THAT(output_.take(), HasSubstr("\"id\": 7"));
}

TEST_F(SessionTest, WhileSomethingLongRunsImmediateOnesAreAnsweredAndTheRestWaits)
{
    ask("slow");
    ask("echo", 1);
    ask("ping");
    EXPECT_EQ(output_.take(), empty_return);
    slow_[0].complete(json::Value{9});
    EXPECT_EQ(output_.take(), returned(9) + returned(1));
}

TEST_F(SessionTest, ASyncVoidsWhatIsOlder)
{
    ask("slow");
    ask("echo", 1);
    ask("sync", 2);
    EXPECT_EQ(output_.take(), returned(2));
    EXPECT_EQ(cancelled_.size(), 1U);
    slow_[0].complete(json::Value{9}); // too late
    EXPECT_EQ(output_.take(), "");
    ask("echo", 3);
    EXPECT_EQ(output_.take(), returned(3));
}

TEST_F(SessionTest, ASyncThatFailsVoidsNothing)
{
    ask("slow");
    ask("sync");
    EXPECT_THAT(output_.take(), HasSubstr("Parameter 'id' is missing"));
    EXPECT_TRUE(cancelled_.empty());
    slow_[0].complete(json::Value{9});
    EXPECT_EQ(output_.take(), returned(9));
}

TEST_F(SessionTest, TheDelimiterStandsOnlyBeforeASuccessfulDelimitedSync)
{
    ask("sync-delimited", 5);
    EXPECT_EQ(output_.take(), "\xff" + returned(5));
    ask("sync-delimited");
    EXPECT_EQ(output_.take().front(), '{');
    ask("sync", 5);
    EXPECT_EQ(output_.take().front(), '{');
}

TEST_F(SessionTest, WhatCameTogetherWithALongOneIsHandledAlike)
{
    output_.full = true; // nothing starts, everything waits
    ask("echo", 1);
    ask("slow");
    ask("echo", 2);
    ask("ping");
    ask("sync", 3);
    ask("echo", 4);
    EXPECT_EQ(output_.take(), "");
    output_.full = false;
    session_->on_drained();
    EXPECT_EQ(output_.take(), returned(1) + empty_return + returned(3) + returned(4));
    EXPECT_EQ(cancelled_.size(), 1U);
}

TEST_F(SessionTest, ErrorsKeepTheirPlaceAndGoWithASync)
{
    ask("slow");
    session_->on_error(Error{ErrorKind::protocol, "JSON parse error"}, std::nullopt);
    EXPECT_EQ(output_.take(), "");
    ask("sync", 1);
    EXPECT_EQ(output_.take(), returned(1));
    session_->on_error(Error{ErrorKind::protocol, "JSON parse error"}, std::nullopt);
    EXPECT_THAT(output_.take(), HasSubstr("GenericError"));
}

TEST_F(SessionTest, AThawStartsWhileAFreezeRuns)
{
    ask("slow");
    ask("thaw");
    ASSERT_EQ(thaw_.size(), 1U);
    slow_[0].complete(fail(ErrorKind::cancelled, "interrupted by a thaw"));
    thaw_[0].complete(json::Value{1});
    const std::string text = output_.take();
    EXPECT_THAT(text, HasSubstr("interrupted by a thaw"));
    EXPECT_EQ(text.substr(text.find('\n') + 1), returned(1));
}

TEST_F(SessionTest, AFullQueueRefusesButSeesWhatIsImmediate)
{
    make_session({2, 1U << 20U});
    ask("slow");
    ask("echo", 1);
    ask("echo", 2);
    EXPECT_EQ(output_.take(), "");
    ask("echo", 3);
    const std::string refused = output_.take();
    EXPECT_THAT(refused, HasSubstr("GenericError"));
    EXPECT_THAT(refused, HasSubstr("busy: 2 requests are waiting for slow to end"));
    session_->on_error(Error{ErrorKind::protocol, "JSON parse error"}, std::nullopt);
    EXPECT_THAT(output_.take(), HasSubstr("JSON parse error"));
    ask("ping");
    EXPECT_EQ(output_.take(), empty_return);
    slow_[0].complete(json::Value{9});
    EXPECT_EQ(output_.take(), returned(9) + returned(1) + returned(2));
    ask("echo", 4);
    EXPECT_EQ(output_.take(), returned(4));
}

TEST_F(SessionTest, ASyncBehindAFullQueueVoidsIt)
{
    make_session({2, 1U << 20U});
    ask("slow");
    for (int number = 0; number < 10; ++number) {
        ask("echo", number);
    }
    output_.take();
    ask("sync", 77);
    EXPECT_EQ(output_.take(), returned(77));
    EXPECT_EQ(cancelled_.size(), 1U);
    slow_[0].complete(json::Value{9});
    EXPECT_EQ(output_.take(), "");
}

TEST_F(SessionTest, ARefusalCarriesTheIdAndIsInTheAudit)
{
    make_session({0, 1U << 20U});
    ask("slow");
    Request request;
    request.command = "echo";
    request.arguments = json::Object{};
    request.id = json::Value{"seven"};
    session_->on_request(std::move(request));
    EXPECT_THAT(output_.take(), HasSubstr("\"id\": \"seven\""));
    EXPECT_THAT(audit_, ElementsAre("echo GenericError"));
}

TEST_F(SessionTest, TheQueueIsBoundedInBytesToo)
{
    make_session({1000, 150});
    ask("slow");
    ask("echo", 1);
    ask("echo", 2); // the last one may go beyond it
    EXPECT_EQ(output_.take(), "");
    ask("echo", 3);
    EXPECT_THAT(output_.take(), HasSubstr("busy: 2 requests"));
}

TEST_F(SessionTest, ACongestedOutputAloneRefusesNothing)
{
    make_session({2, 150});
    output_.full = true;
    for (int number = 0; number < 5; ++number) {
        ask("echo", number);
    }
    EXPECT_EQ(output_.take(), "");
    output_.full = false;
    session_->on_drained();
    EXPECT_EQ(output_.take(), returned(0) + returned(1) + returned(2) + returned(3) + returned(4));
}

TEST_F(SessionTest, ACongestedOutputStartsNothing)
{
    output_.full = true;
    ask("echo", 1);
    EXPECT_EQ(output_.take(), "");
    output_.full = false;
    session_->on_drained();
    EXPECT_EQ(output_.take(), returned(1));
}

TEST_F(SessionTest, AClosedConnectionGivesUpWhatRuns)
{
    ask("slow");
    session_.reset();
    EXPECT_EQ(cancelled_.size(), 1U);
    slow_[0].complete(json::Value{1}); // must not touch the session
}

TEST_F(SessionTest, AHalfClosedPeerGetsAllAnswersBeforeTheEnd)
{
    ask("slow");
    ask("echo", 1);
    session_->on_end_of_input();
    EXPECT_FALSE(output_.closing);
    slow_[0].complete(json::Value{9});
    EXPECT_EQ(output_.take(), returned(9) + returned(1));
    EXPECT_TRUE(output_.closing);
}

TEST_F(SessionTest, AuditTellsCommandAndOutcomeAndNothingElse)
{
    ask("echo", 1);
    ask("echo");
    ask("nonsense\x01");
    ask("slow");
    ask("sync", 1);
    EXPECT_THAT(audit_, ElementsAre("echo ok", "echo GenericError", "nonsense\\x01 CommandNotFound",
                                    "sync ok", "slow dropped"));
}

} // namespace
} // namespace frostline::rpc
