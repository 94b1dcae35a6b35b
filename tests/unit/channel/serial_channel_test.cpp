// SPDX-License-Identifier: Apache-2.0
#include "channel/serial_channel.hpp"

#include "loop_fixture.hpp"

#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <termios.h>

namespace frostline::channel {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A pseudo terminal stands in for the line; closing its master hangs up.
class SerialChannelTest : public LoopTest {
protected:
    void SetUp() override
    {
        LoopTest::SetUp();
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
        path_ = folder_ + "/line";
        story_.echo = true;
    }
    void TearDown() override
    {
        channel_.reset();
        std::filesystem::remove_all(folder_);
    }
    /// Makes a new line at the path, as a terminal is by default: echoing, line by line.
    void plug()
    {
        int master = -1;
        int slave = -1;
        std::array<char, 64> name{};
        ASSERT_EQ(::openpty(&master, &slave, name.data(), nullptr, nullptr), 0);
        host_ = UniqueFd{master};
        ::fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
        ::fcntl(master, F_SETFD, FD_CLOEXEC);
        ::close(slave);
        std::filesystem::remove(path_);
        std::filesystem::create_symlink(name.data(), path_);
    }
    void make(bool retry, std::chrono::milliseconds retry_delay = 1ms)
    {
        channel_.emplace(*loop_,
                         SerialSettings{.path = path_, .retry = retry, .retry_delay = retry_delay},
                         story_.factory());
    }
    /// The agent has made the line raw: from now on nothing gets lost, and the terminal itself
    /// echoes nothing.
    void wait_until_open()
    {
        run_until([&] {
            termios line{};
            return ::tcgetattr(host_.get(), &line) == 0 && (line.c_lflag & tcflag_t{ECHO}) == 0;
        });
    }
    void expect_echo(const std::string& text)
    {
        put(host_, text);
        std::string got;
        run_until([&] { return (got += get(host_)).size() >= text.size(); });
        EXPECT_EQ(got, text);
    }

    Story story_;
    std::string folder_ = "/tmp/frostline-serial-XXXXXX";
    std::string path_;
    UniqueFd host_;
    std::optional<SerialChannel> channel_;
};

TEST_F(SerialChannelTest, BytesPassAsTheyAre)
{
    plug();
    make(false);
    ASSERT_TRUE(channel_->start());
    // What a terminal would swallow, change, or take for a signal.
    expect_echo("\r\n\x03\x04\x11\x13\x7f\x80\xff end");
    termios line{};
    ASSERT_EQ(::tcgetattr(host_.get(), &line), 0);
    EXPECT_EQ(::cfgetospeed(&line), static_cast<speed_t>(B38400));
    EXPECT_EQ(line.c_lflag, 0U);
    EXPECT_EQ(line.c_oflag, 0U);
}

TEST_F(SerialChannelTest, AfterAHangUpTheLineIsOpenedAgain)
{
    plug();
    make(false, 1h); // the first time is at once
    ASSERT_TRUE(channel_->start());
    expect_echo("before");
    const UniqueFd old = std::move(host_);
    plug(); // the path leads to the new line before the old one hangs up
    const UniqueFd gone{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    ASSERT_EQ(::dup3(gone.get(), old.get(), O_CLOEXEC), old.get());
    run_until([&] { return story_.events.back() == "end"; });
    wait_until_open();
    expect_echo("after");
}

TEST_F(SerialChannelTest, ALineThatIsAwayAfterAHangUpIsWaitedFor)
{
    plug();
    make(false);
    ASSERT_TRUE(channel_->start());
    expect_echo("before");
    std::filesystem::remove(path_);
    host_.reset();
    run_until([&] { return story_.events.back() == "end"; });
    plug();
    wait_until_open();
    expect_echo("after");
}

TEST_F(SerialChannelTest, WhatIsMissingAtTheStartIsAnErrorUnlessRetryIsOn)
{
    make(false);
    const Result<void> started = channel_->start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("cannot open " + path_));
    make(true);
    ASSERT_TRUE(channel_->start());
    plug();
    wait_until_open();
    expect_echo("hello");
}

TEST_F(SerialChannelTest, WhatIsNoTerminalSaysSo)
{
    path_ = "/dev/null";
    make(false);
    const Result<void> started = channel_->start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(), HasSubstr("cannot use /dev/null as a serial line"));
}

} // namespace
} // namespace frostline::channel
