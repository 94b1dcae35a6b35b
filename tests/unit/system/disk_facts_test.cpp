// SPDX-License-Identifier: Apache-2.0
#include "system/disk_stats.hpp"
#include "system/nvme_smart.hpp"
#include "system/sysfs_files.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DiskStatsFile, ThreeGenerationsOfColumns)
{
    const auto stats =
        parse_disk_stats(" 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
                         "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
                         "   3       0 hda 1 2 3 4 5 6 7 8 9 10 11\n");
    ASSERT_EQ(stats.size(), 3U);
    EXPECT_EQ(stats[0].name, "vda");
    EXPECT_EQ(stats[0].major, 254U);
    EXPECT_EQ(stats[0].minor, 0U);
    EXPECT_EQ(stats[0].read_ios, 1U);
    EXPECT_EQ(stats[0].read_merges, 2U);
    EXPECT_EQ(stats[0].read_sectors, 3U);
    EXPECT_EQ(stats[0].read_ticks, 4U);
    EXPECT_EQ(stats[0].write_ios, 5U);
    EXPECT_EQ(stats[0].write_merges, 6U);
    EXPECT_EQ(stats[0].write_sectors, 7U);
    EXPECT_EQ(stats[0].write_ticks, 8U);
    EXPECT_EQ(stats[0].ios_in_progress, 9U);
    EXPECT_EQ(stats[0].total_ticks, 10U);
    EXPECT_EQ(stats[0].weight_ticks, 11U);
    EXPECT_EQ(stats[0].discard_ios, 12U);
    EXPECT_EQ(stats[0].discard_merges, 13U);
    EXPECT_EQ(stats[0].discard_sectors, 14U);
    EXPECT_EQ(stats[0].discard_ticks, 15U);
    EXPECT_EQ(stats[0].flush_ios, 16U);
    EXPECT_EQ(stats[0].flush_ticks, 17U);
    EXPECT_EQ(stats[1].discard_ticks, 15U);
    EXPECT_EQ(stats[1].flush_ios, std::nullopt);
    EXPECT_EQ(stats[2].weight_ticks, 11U);
    EXPECT_EQ(stats[2].discard_ios, std::nullopt);
}

TEST(DiskStatsFile, PartitionsOfOldKernelsHaveFour)
{
    const auto stats = parse_disk_stats("   8    1 sda1 10 20 30 40\n");
    ASSERT_EQ(stats.size(), 1U);
    EXPECT_EQ(stats[0].read_ios, 10U);
    EXPECT_EQ(stats[0].read_sectors, 20U);
    EXPECT_EQ(stats[0].write_ios, 30U);
    EXPECT_EQ(stats[0].write_sectors, 40U);
    EXPECT_EQ(stats[0].read_merges, std::nullopt);
}

TEST(DiskStatsFile, AnyOtherNumberOfColumnsIsNotGuessedAt)
{
    const auto stats = parse_disk_stats("8 1 sda1 1 2 3 4 5\n"
                                        "8 2 sda2 1 2 3 4 5 6 7 8 9 10 11 12 13\n"
                                        "8 3\n"
                                        "what is this\n");
    ASSERT_EQ(stats.size(), 2U);
    EXPECT_EQ(stats[0].read_ios, std::nullopt);
    EXPECT_EQ(stats[1].weight_ticks, 11U);
    EXPECT_EQ(stats[1].discard_ios, std::nullopt);
    EXPECT_THAT(parse_disk_stats(""), IsEmpty());
}

TEST(DiskStatsFile, NumbersOfSixtyFourBits)
{
    const auto stats = parse_disk_stats("8 0 sda 18446744073709551615 2 99999999999999999999 4\n");
    ASSERT_EQ(stats.size(), 1U);
    EXPECT_EQ(stats[0].read_ios, 18446744073709551615U);
    EXPECT_EQ(stats[0].write_ios, std::nullopt) << "too large to be told";
}

TEST(NvmeHealth, IsReadLittleEndian)
{
    NvmeSmartPage page{};
    page[0] = 0x04;
    page[1] = 0x42; // 322 K
    page[2] = 0x01;
    page[3] = 99;
    page[4] = 10;
    page[5] = 130;
    for (std::size_t counter = 0; counter < 10; ++counter) {
        page[32 + counter * 16] = static_cast<unsigned char>(counter + 1);
    }
    page[32 + 7] = 0x80; // top of the lower half
    page[32 + 8] = 0x02; // lowest byte of the upper half
    const NvmeSmart smart = parse_nvme_smart(page);
    EXPECT_EQ(smart.critical_warning, 4);
    EXPECT_EQ(smart.temperature, 322);
    EXPECT_EQ(smart.available_spare, 99);
    EXPECT_EQ(smart.available_spare_threshold, 10);
    EXPECT_EQ(smart.percentage_used, 130);
    EXPECT_EQ(smart.data_units_read.low, 0x8000000000000001U);
    EXPECT_EQ(smart.data_units_read.high, 2U);
    EXPECT_EQ(smart.data_units_written.low, 2U);
    EXPECT_EQ(smart.host_read_commands.low, 3U);
    EXPECT_EQ(smart.host_write_commands.low, 4U);
    EXPECT_EQ(smart.controller_busy_time.low, 5U);
    EXPECT_EQ(smart.power_cycles.low, 6U);
    EXPECT_EQ(smart.power_on_hours.low, 7U);
    EXPECT_EQ(smart.unsafe_shutdowns.low, 8U);
    EXPECT_EQ(smart.media_errors.low, 9U);
    EXPECT_EQ(smart.error_log_entries.low, 10U);
}

TEST(NaturalOrder, NumbersCountByValue)
{
    std::vector<std::string> names{"sda10",     "sdb",   "sda2", "sda", "nvme1n1", "nvme0n1p10",
                                   "nvme0n1p9", "dm-10", "dm-9", "a01", "a1",      "a001b"};
    std::sort(names.begin(), names.end(), natural_less);
    EXPECT_THAT(names, ElementsAre("a01", "a1", "a001b", "dm-9", "dm-10", "nvme0n1p9", "nvme0n1p10",
                                   "nvme1n1", "sda", "sda2", "sda10", "sdb"));
    EXPECT_FALSE(natural_less("sda1", "sda1"));
}

TEST(SysfsAttribute, OneThatCannotBeReadIsEmpty)
{
    EXPECT_EQ(attribute("/proc/self/no such attribute"), "");
    // Opens, and a read fails: as `speed` of a network card without a link, or a disk that goes.
    EXPECT_EQ(attribute("/proc/self/mem"), "");
}

} // namespace
} // namespace frostline::system
