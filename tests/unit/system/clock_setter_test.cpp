// SPDX-License-Identifier: Apache-2.0
#include "system/linux_clock_setter.hpp"

#include "support/prompt_workers.hpp"
#include "support/temp_folder.hpp"
#include "system/linux_clocks.hpp"
#include "unit/hooks/fake_launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class FakeClocks : public Clocks {
public:
    Result<void> set_system(std::chrono::microseconds since_epoch) override
    {
        if (refuses) {
            return fail(ErrorKind::permission, "Operation not permitted", EPERM);
        }
        time = since_epoch;
        return {};
    }
    bool has_hardware() override { return hardware; }
    Result<void> system_to_hardware() override { return device("written"); }
    Result<void> hardware_to_system() override { return device("read"); }

    std::optional<std::chrono::microseconds> time;
    bool refuses = false;
    bool hardware = true;
    bool device_fails = false;
    std::vector<std::string> device_calls;

private:
    Result<void> device(const std::string& what)
    {
        device_calls.push_back(what);
        return device_fails ? fail(ErrorKind::io, "the device is broken") : Result<void>{};
    }
};

class ClockSetterTest : public testing::Test {
protected:
    void set(std::chrono::microseconds time)
    {
        setter_.set(time, [this](Result<void> result) { result_ = std::move(result); });
        loop_.advance(0ns);
    }
    void set_from_hardware()
    {
        setter_.set_from_hardware([this](Result<void> result) { result_ = std::move(result); });
        loop_.advance(0ns);
    }
    [[nodiscard]] std::string answer() const
    {
        return !result_ ? "none" : *result_ ? "success" : result_->error().message();
    }

    test::TempFolder root_;
    test::FakeLoop loop_;
    test::FakeLauncher launcher_{loop_};
    test::PromptWorkers workers_{loop_};
    HelperPrograms helpers_{loop_, launcher_, {root_ / "bin"}};
    FakeClocks clocks_;
    LinuxClockSetter setter_{clocks_, helpers_, workers_, root_ / "."};
    std::optional<Result<void>> result_;
};

TEST_F(ClockSetterTest, SetsTheSystemThenTheHardwareByHwclock)
{
    root_.program("sbin/hwclock");
    set(1500ms);
    EXPECT_EQ(clocks_.time, 1500ms);
    EXPECT_EQ(launcher_.all.at(0)->call(), "hwclock -w");
    EXPECT_EQ(answer(), "none");
    launcher_.all.at(0)->exit(0);
    EXPECT_EQ(answer(), "success");
    EXPECT_THAT(clocks_.device_calls, ElementsAre());
}

TEST_F(ClockSetterTest, ASystemClockThatCannotBeSetIsTheEnd)
{
    root_.program("sbin/hwclock");
    clocks_.refuses = true;
    set(1s);
    EXPECT_EQ(answer(), "Failed to set time to guest: Operation not permitted");
    EXPECT_TRUE(launcher_.all.empty());
}

TEST_F(ClockSetterTest, AFailedHwclockSaysThatTheSystemsClockHasBeenSet)
{
    root_.program("sbin/hwclock");
    set(1s);
    launcher_.all.at(0)->exit(1, "hwclock: Cannot access the Hardware Clock\n");
    EXPECT_EQ(answer(), "child process has failed to set hardware clock to system time: hwclock: "
                        "Cannot access the Hardware Clock (the system's clock has been set)");
}

TEST_F(ClockSetterTest, WithoutHardwareClockTheSystemsCounts)
{
    root_.program("sbin/hwclock");
    clocks_.hardware = false;
    set(1s);
    EXPECT_EQ(answer(), "success");
    EXPECT_TRUE(launcher_.all.empty());
}

TEST_F(ClockSetterTest, WithoutHwclockTheDeviceIsSet)
{
    set(1s);
    EXPECT_EQ(answer(), "success");
    EXPECT_THAT(clocks_.device_calls, ElementsAre("written"));
    clocks_.device_fails = true;
    set(1s);
    EXPECT_EQ(answer(), "the device is broken (the system's clock has been set)");
}

TEST_F(ClockSetterTest, ReadsTheHardwareByHwclock)
{
    root_.program("sbin/hwclock");
    set_from_hardware();
    EXPECT_EQ(launcher_.all.at(0)->call(), "hwclock -s");
    launcher_.all.at(0)->exit(1);
    EXPECT_EQ(answer(),
              "child process has failed to set hardware clock to system time: exit status 1");
    EXPECT_FALSE(clocks_.time);
}

TEST_F(ClockSetterTest, OrByTheDevice)
{
    set_from_hardware();
    EXPECT_EQ(answer(), "success");
    EXPECT_THAT(clocks_.device_calls, ElementsAre("read"));
}

TEST_F(ClockSetterTest, WithNeitherThereIsNothingToSetItFrom)
{
    clocks_.hardware = false;
    launcher_.cannot_run = "hwclock";
    set_from_hardware();
    EXPECT_THAT(answer(),
                testing::HasSubstr("failed to exec '" + (root_ / "./sbin/hwclock") + "'"));
}

TEST(AdjustmentFile, TellsWhetherTheHardwareKeepsLocalTime)
{
    EXPECT_TRUE(keeps_local_time("0.0 0 0.0\n0\nLOCAL\n"));
    EXPECT_TRUE(keeps_local_time("0.0 0 0.0\n0\nLOCAL"));
    EXPECT_FALSE(keeps_local_time("0.0 0 0.0\n0\nUTC\n"));
    EXPECT_FALSE(keeps_local_time("LOCAL\n"));
    EXPECT_FALSE(keeps_local_time(""));
}

} // namespace
} // namespace frostline::system
