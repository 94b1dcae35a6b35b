// SPDX-License-Identifier: Apache-2.0
#include "system/linux_power.hpp"

#include "support/prompt_workers.hpp"
#include "support/temp_folder.hpp"
#include "unit/hooks/fake_launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <optional>
#include <sstream>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;

/// A machine with fake programs in a folder; nothing of the real one is touched.
class PowerTest : public testing::Test {
protected:
    void shut_down(ShutdownMode mode)
    {
        power_.shut_down(mode, [this](Result<void> result) { result_ = std::move(result); });
    }
    void suspend(SuspendMode mode)
    {
        power_.suspend(mode, [this](Result<void> result) { result_ = std::move(result); });
        loop_.advance(0ns);
    }
    /// The next program must be this one; it ends so.
    void next(const std::string& program, const std::vector<std::string>& arguments, int status,
              const std::string& err = {}, const std::string& out = {})
    {
        ASSERT_LT(seen_, launcher_.all.size()) << program << " was not called";
        const auto process = launcher_.all[seen_++];
        EXPECT_EQ(process->program(), program);
        EXPECT_EQ((std::vector<std::string>{process->spec.arguments.begin() + 1,
                                            process->spec.arguments.end()}),
                  arguments);
        process->exit(status, err, out);
        loop_.advance(0ns);
    }
    [[nodiscard]] std::string answer() const
    {
        EXPECT_EQ(seen_, launcher_.all.size()) << "more was called";
        return !result_ ? "none" : *result_ ? "success" : result_->error().message();
    }
    [[nodiscard]] std::string state() const
    {
        std::ostringstream text;
        text << std::ifstream{root_ / "sys/power/state"}.rdbuf();
        return text.str();
    }
    void has_systemd() { root_.program("bin/systemctl"); }
    /// systemctl is asked whether it knows the unit, and it does; then how its last run went.
    void next_knows(const std::string& unit, const std::string& invocation = "old")
    {
        next("systemctl", {"status", unit}, 3);
        next_shows(unit, invocation, "inactive", "success");
    }
    void next_shows(const std::string& unit, const std::string& invocation,
                    const std::string& state, const std::string& result)
    {
        next("systemctl", {"show", "--property=InvocationID,ActiveState,Result", unit}, 0, {},
             "Result=" + result + "\nActiveState=" + state + "\nInvocationID=" + invocation + "\n");
    }
    void has_pm_utils()
    {
        root_.program("bin/pm-is-supported");
        root_.program("bin/pm-suspend");
        root_.program("bin/pm-hibernate");
        root_.program("bin/pm-suspend-hybrid");
    }
    void kernel_offers(const std::string& words) { root_.write("sys/power/state", words); }

    test::TempFolder root_;
    test::FakeLoop loop_;
    test::FakeLauncher launcher_{loop_};
    test::PromptWorkers workers_{loop_};
    std::chrono::nanoseconds slept_{0};
    HelperPrograms helpers_{loop_, launcher_, {root_ / "bin", [this] { return slept_; }}};
    LinuxPower power_{helpers_, workers_, root_ / "."};
    std::optional<Result<void>> result_;
    std::size_t seen_ = 0;
};

TEST_F(PowerTest, ShutsDownByTheProgramOfThatName)
{
    root_.program("sbin/poweroff");
    root_.program("sbin/halt");
    root_.program("sbin/reboot");
    shut_down(ShutdownMode::powerdown);
    next("poweroff", {}, 0);
    EXPECT_EQ(answer(), "success");
    shut_down(ShutdownMode::halt);
    next("halt", {}, 0);
    shut_down(ShutdownMode::reboot);
    next("reboot", {}, 0);
}

TEST_F(PowerTest, ElseByShutdownWithItsFourArguments)
{
    root_.program("sbin/shutdown");
    root_.write("sbin/halt", "not executable", 0644);
    const std::string words = "hypervisor initiated shutdown";
    shut_down(ShutdownMode::powerdown);
    next("shutdown", {"-h", "-P", "+0", words}, 0);
    shut_down(ShutdownMode::halt);
    next("shutdown", {"-h", "-H", "+0", words}, 0);
    shut_down(ShutdownMode::reboot);
    next("shutdown", {"-h", "-r", "+0", words}, 1, "refused\n");
    EXPECT_EQ(answer(), "child process has failed to shutdown: refused\n");
}

TEST_F(PowerTest, SuspendsBySystemdWhenItKnowsTheUnit)
{
    has_systemd();
    has_pm_utils();
    kernel_offers("freeze mem disk\n");
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    next("systemctl", {"suspend"}, 0);
    next_shows("systemd-suspend", "new", "inactive", "success");
    EXPECT_EQ(answer(), "success");
    suspend(SuspendMode::disk);
    next("systemctl", {"status", "systemd-hibernate"}, 1);
    next_shows("systemd-hibernate", "", "inactive", "success");
    next("systemctl", {"hibernate"}, 0);
    next_shows("systemd-hibernate", "new", "inactive", "success");
    suspend(SuspendMode::hybrid);
    next("systemctl", {"status", "systemd-hybrid-sleep"}, 2);
    next_shows("systemd-hybrid-sleep", "", "inactive", "success");
    next("systemctl", {"hybrid-sleep"}, 0);
    next_shows("systemd-hybrid-sleep", "new", "inactive", "success");
    EXPECT_EQ(answer(), "success");
    EXPECT_EQ(state(), "freeze mem disk\n");
}

TEST_F(PowerTest, AnOrderThatSystemdTakesAndCannotCarryOutIsAFailure)
{
    has_systemd();
    has_pm_utils();
    kernel_offers("freeze mem disk\n");
    suspend(SuspendMode::disk);
    next_knows("systemd-hibernate");
    next("systemctl", {"hibernate"}, 0);
    next_shows("systemd-hibernate", "old", "inactive", "success"); // the job still waits
    EXPECT_EQ(answer(), "none");
    loop_.advance(500ms);
    next_shows("systemd-hibernate", "new", "activating", "success");
    EXPECT_EQ(answer(), "none");
    loop_.advance(500ms);
    next_shows("systemd-hibernate", "new", "failed", "exit-code");
    EXPECT_EQ(answer(),
              "suspend: systemd-hibernate has failed (exit-code); see its log in the guest");
    EXPECT_EQ(state(), "freeze mem disk\n"); // and no second attempt
}

TEST_F(PowerTest, AnEarlierFailureOfTheUnitIsNotOurs)
{
    has_systemd();
    suspend(SuspendMode::ram);
    next("systemctl", {"status", "systemd-suspend"}, 3);
    next_shows("systemd-suspend", "old", "failed", "exit-code");
    next("systemctl", {"suspend"}, 0);
    next_shows("systemd-suspend", "old", "failed", "exit-code");
    EXPECT_EQ(answer(), "none");
    slept_ = 3s;
    loop_.advance(500ms);
    next_shows("systemd-suspend", "new", "activating", "success");
    EXPECT_EQ(answer(), "success");
}

TEST_F(PowerTest, AnOrderThatNobodySeesThroughIsBelievedInTheEnd)
{
    has_systemd();
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    next("systemctl", {"suspend"}, 0);
    for (int look = 0; look < 60; ++look) {
        next_shows("systemd-suspend", "old", "inactive", "success");
        EXPECT_EQ(answer(), "none");
        loop_.advance(500ms);
    }
    next_shows("systemd-suspend", "old", "inactive", "success");
    EXPECT_EQ(answer(), "success");
}

TEST_F(PowerTest, AnOrderIsBelievedWhenSystemdTellsNothing)
{
    has_systemd();
    suspend(SuspendMode::ram);
    next("systemctl", {"status", "systemd-suspend"}, 3);
    const std::vector<std::string> show = {"show", "--property=InvocationID,ActiveState,Result",
                                           "systemd-suspend"};
    next("systemctl", show, 1, "no bus\n");
    next("systemctl", {"suspend"}, 0);
    next("systemctl", show, 1, "no bus\n");
    EXPECT_EQ(answer(), "success");
}

TEST_F(PowerTest, ByPmUtilsWhenSystemdDoesNotKnowIt)
{
    has_systemd();
    has_pm_utils();
    suspend(SuspendMode::ram);
    next("systemctl", {"status", "systemd-suspend"}, 4);
    next("pm-is-supported", {"--suspend"}, 0);
    next("pm-suspend", {}, 0);
    EXPECT_EQ(answer(), "success");
    suspend(SuspendMode::disk);
    next("systemctl", {"status", "systemd-hibernate"}, 0); // it runs, so it isn't idle
    next("pm-is-supported", {"--hibernate"}, 0);
    next("pm-hibernate", {}, 0);
    EXPECT_EQ(answer(), "success");
    suspend(SuspendMode::hybrid);
    next("systemctl", {"status", "systemd-hybrid-sleep"}, 4);
    next("pm-is-supported", {"--suspend-hybrid"}, 0);
    next("pm-suspend-hybrid", {}, 0);
    EXPECT_EQ(answer(), "success");
}

TEST_F(PowerTest, ByTheKernelsFileWhenNothingElseIsThere)
{
    kernel_offers("freeze mem disk\n");
    suspend(SuspendMode::ram);
    EXPECT_EQ(answer(), "success");
    EXPECT_EQ(state().substr(0, 3), "mem");
    kernel_offers("freeze mem disk\n");
    suspend(SuspendMode::disk);
    EXPECT_EQ(answer(), "success");
    EXPECT_EQ(state().substr(0, 4), "disk");
}

TEST_F(PowerTest, AFailedWayIsFollowedByTheNext)
{
    has_systemd();
    has_pm_utils();
    kernel_offers("mem\n");
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    next("systemctl", {"suspend"}, 1, "denied\n");
    next("pm-is-supported", {"--suspend"}, 0);
    next("pm-suspend", {}, 128);
    EXPECT_EQ(answer(), "success");
    EXPECT_EQ(state(), "mem\n"); // the same word; a file in the place of the kernel's keeps it
}

TEST_F(PowerTest, NothingSupportedIsAnErrorAtOnce)
{
    for (const SuspendMode mode : {SuspendMode::ram, SuspendMode::disk, SuspendMode::hybrid}) {
        kernel_offers("freeze standby\n");
        suspend(mode);
        EXPECT_EQ(answer(), "the requested suspend mode is not supported by the guest");
    }
}

TEST_F(PowerTest, HybridIsNothingTheKernelsFileCanDo)
{
    kernel_offers("mem disk\n");
    suspend(SuspendMode::hybrid);
    EXPECT_EQ(answer(), "the requested suspend mode is not supported by the guest");
    EXPECT_EQ(state(), "mem disk\n");
}

TEST_F(PowerTest, TheLastFailureIsNeverLost)
{
    has_systemd();
    has_pm_utils();
    kernel_offers("freeze\n");
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    next("systemctl", {"suspend"}, 1, "denied\n");
    next("pm-is-supported", {"--suspend"}, 0);
    next("pm-suspend", {}, 1, "no swap\n");
    EXPECT_EQ(answer(), "child process has failed to suspend: no swap\n");
    suspend(SuspendMode::hybrid);
    next_knows("systemd-hybrid-sleep");
    next("systemctl", {"hybrid-sleep"}, 1, "denied\n");
    next("pm-is-supported", {"--suspend-hybrid"}, 1);
    EXPECT_EQ(answer(),
              "unknown guest suspend mode: child process has failed to suspend: denied\n");
}

TEST_F(PowerTest, AKernelThatRefusesIsTold)
{
    has_systemd();
    kernel_offers("mem\n");
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    // Permissions don't hold root back; a limit on the size of files does.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN); // NOLINT: the constant is the C library's
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    next("systemctl", {"suspend"}, 1, "denied\n");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(answer(),
              "suspend: cannot write to '" + (root_ / "./sys/power/state") + "': File too large");
}

TEST_F(PowerTest, AProgramThatFailsAfterTheMachineSleptHasSuspendedIt)
{
    has_systemd();
    kernel_offers("freeze mem\n");
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    slept_ = 3s;
    next("systemctl", {"suspend"}, 1, "the bus did not answer\n");
    EXPECT_EQ(answer(), "success");
    EXPECT_EQ(state(), "freeze mem\n"); // no second suspend
}

TEST_F(PowerTest, AProgramThatHangsIsToldAndNoSecondSuspendFollows)
{
    has_systemd();
    has_pm_utils();
    kernel_offers("mem\n");
    suspend(SuspendMode::ram);
    next_knows("systemd-suspend");
    ++seen_;
    loop_.advance(301s);
    EXPECT_EQ(answer(), "child process has failed to suspend: it did not end within 300 s");
}

TEST_F(PowerTest, AProbeThatHangsIsPassedOver)
{
    has_systemd();
    kernel_offers("mem\n");
    suspend(SuspendMode::ram);
    ++seen_;
    loop_.advance(31s);
    EXPECT_EQ(answer(), "success");
}

} // namespace
} // namespace frostline::system
