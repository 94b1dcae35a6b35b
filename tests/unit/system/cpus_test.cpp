// SPDX-License-Identifier: Apache-2.0
#include "system/cpu_times.hpp"
#include "system/linux_cpus.hpp"

#include "support/temp_folder.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace frostline::system {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;
using testing::SizeIs;

/// A /sys with a processor folder, and a /proc.
class CpusTest : public testing::Test {
protected:
    void cpu(int number, const std::string& online = {}) const
    {
        const std::string name = folder + "cpu" + std::to_string(number) + "/";
        machine.write(name + "topology/core_id", "0\n");
        if (!online.empty()) {
            machine.write(name + "online", online + "\n");
        }
    }
    [[nodiscard]] std::string said(int number) const
    {
        std::ifstream file{machine / (folder + "cpu" + std::to_string(number) + "/online")};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    [[nodiscard]] std::vector<std::string> list() const
    {
        const Result<std::vector<Cpu>> found = cpus.list();
        if (!found) {
            return {found.error().message()};
        }
        std::vector<std::string> out;
        for (const Cpu& entry : *found) {
            out.push_back(std::to_string(entry.number) +
                          (entry.state == OnlineState::online ? " on" : " off") +
                          (entry.can_offline ? " switch" : ""));
        }
        return out;
    }
    [[nodiscard]] std::string set(std::int64_t number, OnlineState state) const
    {
        const Result<void> done = cpus.set_state(number, state);
        return done ? "" : done.error().message();
    }

    const std::string folder = "sys/devices/system/cpu/";
    test::TempFolder machine;
    LinuxCpus cpus{machine / ""};
};

TEST_F(CpusTest, OneThatCannotBeSwitchedOff)
{
    cpu(0);
    machine.write(folder + "online", "0\n");
    machine.write(folder + "cpuidle/current_driver", "none\n");
    machine.write(folder + "cpufreq/x", "");
    machine.write(folder + "cpu1x/online", "1\n");
    EXPECT_THAT(list(), ElementsAre("0 on"));
}

TEST_F(CpusTest, HotPluggableOnesAndOneThatIsOff)
{
    cpu(0);
    cpu(1, "1");
    cpu(2, "0");
    EXPECT_THAT(list(), ElementsAre("0 on", "1 on switch", "2 off switch"));
}

TEST_F(CpusTest, ThreeHundredInOrderOfTheirNumbers)
{
    for (int number = 0; number < 300; ++number) {
        cpu(number, "1");
    }
    const auto all = list();
    ASSERT_THAT(all, SizeIs(300));
    EXPECT_EQ(all[2], "2 on switch");
    EXPECT_EQ(all[299], "299 on switch");
}

TEST_F(CpusTest, AnUnpluggedOneIsLeftOut)
{
    cpu(0);
    // Still listed, no longer there: what a link that leads nowhere looks like to open().
    std::filesystem::create_symlink("/nowhere", machine / (folder + "cpu1"));
    EXPECT_THAT(list(), ElementsAre("0 on"));
}

TEST_F(CpusTest, ListingSaysWhatItCannotRead)
{
    EXPECT_THAT(list(), ElementsAre("failed to list entries: /sys/devices/system/cpu: No such file "
                                    "or directory"));
    machine.write(folder + "cpu0", "a file");
    EXPECT_THAT(list(), ElementsAre("open(\"/sys/devices/system/cpu/cpu0/\"): Not a directory"));
    std::filesystem::remove(machine / (folder + "cpu0"));
    std::filesystem::create_directories(machine / (folder + "cpu0/online"));
    EXPECT_THAT(list(),
                ElementsAre("pread(\"/sys/devices/system/cpu/cpu0//online\"): Is a directory"));
}

TEST_F(CpusTest, SwitchesOffAndOnAndWritesNothingForNothing)
{
    cpu(1, "1");
    machine.write(folder + "cpu1/online", "1 untouched\n");
    EXPECT_EQ(set(1, OnlineState::online), "");
    EXPECT_EQ(said(1), "1 untouched\n");
    EXPECT_EQ(set(1, OnlineState::offline), "");
    EXPECT_EQ(said(1), "0 untouched\n"); // a plain file keeps the rest; the kernel's does not
    EXPECT_EQ(set(1, OnlineState::online), "");
    EXPECT_EQ(said(1), "1 untouched\n");
    machine.write(folder + "cpu1/online", "no number\n"); // only '0' is off
    EXPECT_EQ(set(1, OnlineState::online), "");
    EXPECT_EQ(said(1), "no number\n");
}

TEST_F(CpusTest, SwitchingSaysWhatIsInTheWay)
{
    cpu(0);
    EXPECT_EQ(set(0, OnlineState::online), "");
    EXPECT_EQ(set(0, OnlineState::offline), "logical processor #0 can't be offlined");
    EXPECT_EQ(set(7, OnlineState::online),
              "open(\"/sys/devices/system/cpu/cpu7/\"): No such file or directory");
    EXPECT_EQ(set(-1, OnlineState::online),
              "open(\"/sys/devices/system/cpu/cpu-1/\"): No such file or directory");
    std::filesystem::create_directories(machine / (folder + "cpu2"));
    // A file of the kernel's own that can be read ("Linux version ...") and not written. Who is not
    // root fails to open it already.
    std::filesystem::create_symlink("/proc/version", machine / (folder + "cpu2/online"));
    EXPECT_THAT(set(2, OnlineState::offline),
                MatchesRegex("(pwrite\\(\"/sys/devices/system/cpu/cpu2//online\"\\): (Input/output "
                             "error|Invalid argument))|(open\\(\"/sys/devices/system/cpu/cpu2//"
                             "online\"\\): Permission denied)"));
}

TEST_F(CpusTest, TimesAndLoadComeFromProc)
{
    EXPECT_EQ(cpus.times().error().message(), "open(\"/proc/stat\"): No such file or directory");
    EXPECT_EQ(cpus.load().error().message(),
              "cannot query load average: No such file or directory");
    const std::string second = std::to_string(::sysconf(_SC_CLK_TCK));
    machine.write("proc/stat", "cpu  1 1 1 1\ncpu0 " + second + " 0 0 0\nintr 5\n");
    machine.write("proc/loadavg", "0.20 1.18 12.12 1/80 11206\n");
    ASSERT_THAT(*cpus.times(), SizeIs(1));
    EXPECT_EQ(cpus.times()->front().user, CpuTime{1000});
    EXPECT_EQ(cpus.load()->one_minute, 0.2);
    EXPECT_EQ(cpus.load()->five_minutes, 1.18);
    EXPECT_EQ(cpus.load()->fifteen_minutes, 12.12);
    machine.write("proc/loadavg", "much\n");
    EXPECT_EQ(cpus.load().error().message(),
              "cannot query load average: /proc/loadavg holds something else");
}

TEST(CpuTimesText, OfAKernelOfToday)
{
    const auto times = parse_cpu_times("cpu  54393 92827 23539 49256 717 0 346 119 7 9\n"
                                       "cpu0 25470 47676 10993 26239 119 1 36 59 3 4\n"
                                       "cpu12 28922 45151 12545 23017 598 0 310 60 4 5\n"
                                       "intr 1412178 0 0\nctxt 1\nbtime 1\n",
                                       100);
    ASSERT_THAT(times, SizeIs(2));
    EXPECT_EQ(times[1].number, 12);
    EXPECT_EQ(times[0].user, CpuTime{254700});
    EXPECT_EQ(times[0].nice, CpuTime{476760});
    EXPECT_EQ(times[0].system, CpuTime{109930});
    EXPECT_EQ(times[0].idle, CpuTime{262390});
    EXPECT_EQ(times[0].iowait, CpuTime{1190});
    EXPECT_EQ(times[0].irq, CpuTime{10});
    EXPECT_EQ(times[0].softirq, CpuTime{360});
    EXPECT_EQ(times[0].steal, CpuTime{590});
    EXPECT_EQ(times[0].guest, CpuTime{30});
    EXPECT_EQ(times[0].guest_nice, CpuTime{40});
}

TEST(CpuTimesText, OfOldKernelsAndOfOnesToCome)
{
    const auto old = parse_cpu_times("cpu0 1 2 3 4", 100);
    ASSERT_THAT(old, SizeIs(1));
    EXPECT_EQ(old[0].idle, CpuTime{40});
    EXPECT_EQ(old[0].iowait, std::nullopt);
    const auto newer = parse_cpu_times("cpu0 1 2 3 4 5 6 7\n", 100);
    EXPECT_EQ(newer[0].softirq, CpuTime{70});
    EXPECT_EQ(newer[0].steal, std::nullopt);
    EXPECT_THAT(parse_cpu_times("cpu0 1 2 3 4 5 6 7 8 9 10 11 12\n", 100), SizeIs(1));
}

TEST(CpuTimesText, PassesOverWhatIsDamagedAndDoesNotOverflow)
{
    EXPECT_THAT(parse_cpu_times("cpu0 1 2 3\ncpu1 1 2 x 4\ncpux 1 2 3 4\n\ncpu2 1 2 3 4\n", 100),
                SizeIs(1));
    EXPECT_THAT(parse_cpu_times("", 100), SizeIs(0));
    const auto large = parse_cpu_times("cpu0 1000000000000000000 33 0 0\n", 1024);
    EXPECT_EQ(large[0].user.count(), 976562500000000000U);
    EXPECT_EQ(large[0].nice.count(), 32U);
}

} // namespace
} // namespace frostline::system
