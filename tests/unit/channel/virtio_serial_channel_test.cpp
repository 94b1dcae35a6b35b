// SPDX-License-Identifier: Apache-2.0
#include "channel/virtio_serial_channel.hpp"

#include "loop_fixture.hpp"

#include <cerrno>

#include <gmock/gmock.h>

namespace frostline::channel {
namespace {

using namespace std::chrono_literals;

class FakeDeviceMonitor final : public system::DeviceMonitor {
public:
    system::Subscription on_event(std::function<void(const system::DeviceEvent&)> action) override
    {
        action_ = std::move(action);
        return system::Subscription{[this] { action_ = nullptr; }};
    }
    void port_comes() const
    {
        ASSERT_TRUE(action_);
        action_({system::DeviceEvent::Action::added, "/dev/vport1p1", "port"});
    }

private:
    std::function<void(const system::DeviceEvent&)> action_;
};

class VirtioSerialChannelTest : public LoopTest {
protected:
    void make(bool retry, system::DeviceMonitor* monitor)
    {
        VirtioSerialSettings settings;
        settings.path = "/dev/port";
        settings.retry = retry;
        settings.retry_delay = 1ms;
        settings.open = [this](const std::string&) -> Result<UniqueFd> {
            ++tries_;
            if (error_ != 0) {
                return fail_errno("cannot open /dev/port", error_);
            }
            pair_ = socket_pair();
            return std::move(pair_[0]);
        };
        settings.on_unplugged = [this] { ++unplugged_; };
        channel_.emplace(*loop_, monitor, settings, story_.factory());
    }

    Story story_;
    FakeDeviceMonitor monitor_;
    std::array<UniqueFd, 2> pair_;
    int error_ = 0;
    int tries_ = 0;
    int unplugged_ = 0;
    std::optional<VirtioSerialChannel> channel_;
};

TEST_F(VirtioSerialChannelTest, WaitsForAMissingPortWithoutPolling)
{
    error_ = ENOENT;
    make(false, &monitor_);
    ASSERT_TRUE(channel_->start());
    settle();
    EXPECT_EQ(tries_, 1);
    error_ = 0;
    monitor_.port_comes();
    EXPECT_TRUE(channel_->open());
}

TEST_F(VirtioSerialChannelTest, APortHeldBySomebodyElseIsAnErrorUnlessRetrying)
{
    error_ = EBUSY;
    make(false, &monitor_);
    EXPECT_FALSE(channel_->start());
    make(true, &monitor_);
    ASSERT_TRUE(channel_->start());
    error_ = 0;
    run_until([&] { return channel_->open(); });
}

TEST_F(VirtioSerialChannelTest, SurvivesUnplugging)
{
    make(false, &monitor_);
    ASSERT_TRUE(channel_->start());
    put(pair_[1], "hello");
    run_until([&] { return story_.events.size() == 2; });
    // Reset instead of end of file: a read error, as ENODEV is for a port that is gone.
    error_ = ENOENT;
    story_.connection->send("unread");
    settle();
    put(pair_[1], "x");
    settle();
    // A socket pair resets when one end closes with unread data.
    pair_[1].reset();
    run_until([&] { return !channel_->open(); });
    EXPECT_EQ(unplugged_, 1);
    const int before = tries_;
    error_ = 0;
    monitor_.port_comes();
    EXPECT_EQ(tries_, before + 1);
    EXPECT_TRUE(channel_->open());
}

TEST_F(VirtioSerialChannelTest, WithoutUdevThePathIsTriedNowAndAgain)
{
    error_ = ENOENT;
    make(false, nullptr);
    ASSERT_TRUE(channel_->start());
    run_until([&] { return tries_ > 2; });
    error_ = 0;
    run_until([&] { return channel_->open(); });
}

} // namespace
} // namespace frostline::channel
