// SPDX-License-Identifier: Apache-2.0
#include "channel/listen_channel.hpp"
#include "channel/listeners.hpp"

#include "loop_fixture.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <gmock/gmock.h>
#include <sys/un.h>

namespace frostline::channel {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(VsockAddressTest, IsTwoNumbersOfThirtyTwoBits)
{
    const Result<VsockAddress> address = parse_vsock_address("4294967295:1234");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->cid, 4294967295U);
    EXPECT_EQ(address->port, 1234U);
}

TEST(VsockAddressTest, ErrorsHaveQemuGasWords)
{
    const auto complaint = [](const char* text) {
        const Result<VsockAddress> address = parse_vsock_address(text);
        return address ? "no complaint" : address.error().message();
    };
    for (const char* const text : {"", "3", ":5", "3:"}) {
        EXPECT_THAT(complaint(text),
                    HasSubstr("error parsing address '" + std::string{text} + "'"));
    }
    for (const char* const cid : {"a", "-1", "+1", " 1", "1 ", "4294967296", "0x1"}) {
        EXPECT_EQ(complaint((std::string{cid} + ":5").c_str()),
                  "Failed to parse cid '" + std::string{cid} + "'");
    }
    EXPECT_EQ(complaint("1:2:3"), "Failed to parse port '2:3'");
}

class ListenChannelTest : public LoopTest {
protected:
    void SetUp() override
    {
        LoopTest::SetUp();
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
        path_ = folder_ + "/socket";
        story_.echo = true;
    }
    void TearDown() override
    {
        channel_.reset();
        std::filesystem::remove_all(folder_);
    }
    void make(bool retry)
    {
        ListenSettings settings;
        settings.name = path_;
        settings.open = [this]() -> Result<UniqueFd> {
            ++tries_;
            if (error_ != 0) {
                return fail_errno("cannot listen", error_);
            }
            Result<UniqueFd> fd = listen_unix(path_, std::nullopt, 1);
            if (fd) {
                raw_listener_ = fd->get();
            }
            return fd;
        };
        settings.retry = retry;
        settings.retry_delay = 1ms;
        settings.on_broken = [this](const Error& reason) { broken_ = reason.message(); };
        channel_.emplace(*loop_, std::move(settings), story_.factory());
    }
    [[nodiscard]] UniqueFd connect() const
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    void expect_served()
    {
        const UniqueFd client = connect();
        put(client, "hello");
        std::string answer;
        run_until([&] { return !(answer = get(client)).empty(); });
        EXPECT_EQ(answer, "hello");
    }

    Story story_;
    std::string folder_ = "/tmp/frostline-listen-XXXXXX";
    std::string path_;
    int error_ = 0;
    int tries_ = 0;
    int raw_listener_ = -1;
    std::string broken_;
    std::optional<ListenChannel> channel_;
};

TEST_F(ListenChannelTest, TheSecondClientWaitsForTheFirstToGo)
{
    make(false);
    ASSERT_TRUE(channel_->start());
    UniqueFd first = connect();
    put(first, "one");
    run_until([&] { return get(first) == "one"; });
    const UniqueFd second = connect();
    put(second, "two");
    settle();
    EXPECT_EQ(get(second), "");
    first.reset();
    run_until([&] { return get(second) == "two"; });
}

TEST_F(ListenChannelTest, WithoutRetryAFailureIsFinal)
{
    error_ = EACCES;
    make(false);
    EXPECT_FALSE(channel_->start());
    settle();
    EXPECT_EQ(tries_, 1);
}

TEST_F(ListenChannelTest, WithRetryItTriesAgain)
{
    error_ = EADDRNOTAVAIL;
    make(true);
    ASSERT_TRUE(channel_->start());
    run_until([&] { return tries_ > 2; });
    error_ = 0;
    run_until([&] { return raw_listener_ >= 0; });
    expect_served();
}

TEST_F(ListenChannelTest, WrongSettingsAreFinalEvenWithRetry)
{
    path_ = folder_ + "/" + std::string(200, 'x');
    make(true);
    const Result<void> started = channel_->start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message(),
                HasSubstr("UNIX socket path '" + path_ + "' is too long"));
}

TEST_F(ListenChannelTest, AListenerThatBreaksIsReported)
{
    make(false);
    ASSERT_TRUE(channel_->start());
    ::shutdown(raw_listener_, SHUT_RDWR); // as the one who has passed it may do
    run_until([&] { return !broken_.empty(); });
    EXPECT_THAT(broken_, HasSubstr("cannot accept clients on " + path_));
    settle(); // and nothing spins or is said twice
}

TEST_F(ListenChannelTest, WithRetryAListenerThatBreaksIsMadeAgain)
{
    make(true);
    ASSERT_TRUE(channel_->start());
    ::shutdown(raw_listener_, SHUT_RDWR);
    run_until([&] { return tries_ == 2; });
    EXPECT_EQ(broken_, "");
    expect_served();
}

} // namespace
} // namespace frostline::channel
