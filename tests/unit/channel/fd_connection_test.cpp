// SPDX-License-Identifier: Apache-2.0
#include "channel/fd_connection.hpp"

#include "loop_fixture.hpp"

#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

namespace frostline::channel {
namespace {

using testing::ElementsAre;

class FdConnectionTest : public LoopTest {
protected:
    void open(FdConnectionSettings settings)
    {
        pair_ = socket_pair();
        auto connection = FdConnection::create(*loop_, std::move(pair_[0]), settings,
                                               story_.factory(), [this](const Error&) {
                                                   closed_ = true;
                                                   connection_.reset();
                                               });
        ASSERT_TRUE(connection);
        connection_ = std::move(connection).value();
    }
    [[nodiscard]] bool told(const std::string& event) const
    {
        return std::find(story_.events.begin(), story_.events.end(), event) != story_.events.end();
    }

    Story story_;
    std::array<UniqueFd, 2> pair_;
    std::shared_ptr<FdConnection> connection_;
    bool closed_ = false;
};

TEST_F(FdConnectionTest, CarriesBytesBothWays)
{
    open({EndOfFile::ends_input});
    story_.echo = true;
    put(pair_[1], "hello");
    run_until([&] { return told("hello"); });
    EXPECT_EQ(get(pair_[1]), "hello");
}

TEST_F(FdConnectionTest, APeerThatNeverPausesLeavesTheOthersTheirTurn)
{
    open({EndOfFile::ends_input});
    const std::array<UniqueFd, 2> other = socket_pair();
    std::size_t pieces = 0;
    std::size_t before_the_other = 0;
    const system::Subscription watch =
        loop_->watch(other[0].get(), {.readable = true, .writable = false}, [&](system::Readiness) {
            before_the_other = before_the_other == 0 ? pieces : before_the_other;
        });
    put(other[1], "x");
    story_.on_bytes = [&] {
        if (++pieces < 1000) {
            put(pair_[1], "again"); // as a host that asks anew as soon as it has its answer
        }
    };
    put(pair_[1], "first");
    run_until([&] { return pieces == 1000; });
    EXPECT_LT(before_the_other, 20U);
}

TEST_F(FdConnectionTest, AHalfClosedPeerStillGetsItsReply)
{
    open({EndOfFile::ends_input});
    put(pair_[1], "question");
    ::shutdown(pair_[1].get(), SHUT_WR);
    run_until([&] { return told("end of input"); });
    EXPECT_FALSE(closed_);
    story_.connection->send("answer");
    story_.connection->close_when_sent();
    run_until([&] { return closed_; });
    EXPECT_EQ(get(pair_[1]), "answer");
}

TEST_F(FdConnectionTest, AClosedPeerEndsTheConversation)
{
    open({EndOfFile::ends_input});
    put(pair_[1], "last words");
    pair_[1].reset();
    run_until([&] { return closed_; });
    EXPECT_THAT(story_.events, ElementsAre("begin", "last words", "end"));
}

TEST_F(FdConnectionTest, APeerThatDoesNotReadStopsTheReadingAndCostsNothing)
{
    open({EndOfFile::ends_input, 65536});
    put(pair_[1], "start");
    run_until([&] { return told("start"); });
    while (!connection_->congested()) {
        story_.connection->send(std::string(65536, 'x'));
    }
    put(pair_[1], "more");
    settle();
    EXPECT_FALSE(told("more"));
    run_until([&] {
        get(pair_[1]);
        return told("more");
    });
    EXPECT_TRUE(told("drained"));
}

TEST_F(FdConnectionTest, APeerThatClosesWhileAReplyIsPendingIsGone)
{
    open({EndOfFile::ends_input, 65536});
    put(pair_[1], "start");
    run_until([&] { return told("start"); });
    while (!connection_->congested()) {
        story_.connection->send(std::string(65536, 'x'));
    }
    pair_[1].reset();
    run_until([&] { return closed_; });
}

TEST_F(FdConnectionTest, AnAbsentHostEndsOnlyTheConversation)
{
    open({EndOfFile::peer_absent});
    put(pair_[1], "first host");
    run_until([&] { return told("first host"); });
    ::shutdown(pair_[1].get(), SHUT_WR); // reads give 0 from now on, as a port without a host does
    run_until([&] { return told("end"); });
    EXPECT_FALSE(closed_);
    EXPECT_THAT(story_.events, ElementsAre("begin", "first host", "end"));
}

/// A FIFO's reading end hangs up without a writer and gives bytes that were left in it all the
/// same, as a virtio port does whose host is not reported yet.
class EarlyHostTest : public FdConnectionTest {
protected:
    void SetUp() override
    {
        FdConnectionTest::SetUp();
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
        path_ = folder_ + "/port";
        ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
        UniqueFd reader{::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
        ASSERT_TRUE(reader);
        auto connection = FdConnection::create(*loop_, std::move(reader), {EndOfFile::peer_absent},
                                               story_.factory(), [](const Error&) {});
        ASSERT_TRUE(connection);
        connection_ = std::move(connection).value();
    }
    void TearDown() override
    {
        ::unlink(path_.c_str());
        ::rmdir(folder_.c_str());
    }
    [[nodiscard]] UniqueFd host() const
    {
        return UniqueFd{::open(path_.c_str(), O_WRONLY | O_CLOEXEC)};
    }

    std::string folder_ = "/tmp/frostline-channel-XXXXXX";
    std::string path_;
};

TEST_F(EarlyHostTest, BytesThatComeBeforeTheirHostIsReportedBeginItsConversation)
{
    put(host(), "early"); // and closed: readable and hung up in one
    run_until([&] { return told("early"); });
    settle();
    const UniqueFd reported = host();
    put(reported, "more");
    run_until([&] { return told("more"); });
    EXPECT_THAT(story_.events, ElementsAre("begin", "early", "more"));
}

TEST_F(EarlyHostTest, TheNewsOfTheHostBeforeDoesNotEndTheConversationOfTheNext)
{
    UniqueFd first = host();
    put(first, "first");
    run_until([&] { return told("first"); });
    first.reset(); // this news comes when the next one's bytes have been read
    settle();
    const UniqueFd next = host();
    put(next, "next");
    run_until([&] { return told("next"); });
    EXPECT_FALSE(told("end"));
}

TEST_F(EarlyHostTest, ASilentHostIsGoneAtOnceAlsoWhenTheNextComesSoon)
{
    UniqueFd first = host();
    put(first, "first");
    run_until([&] { return told("first"); });
    const auto began = loop_->now();
    run_until([&] { return loop_->now() - began > std::chrono::milliseconds{1100}; });
    first.reset();
    settle();
    const UniqueFd next = host(); // and says nothing
    settle();
    EXPECT_THAT(story_.events, ElementsAre("begin", "first", "end"));
}

TEST_F(EarlyHostTest, AHostThatStaysAwayIsGone)
{
    put(host(), "only");
    run_until([&] { return told("end"); });
    put(host(), "another");
    run_until([&] { return told("another"); });
    EXPECT_THAT(story_.events, ElementsAre("begin", "only", "end", "begin", "another"));
}

} // namespace
} // namespace frostline::channel
