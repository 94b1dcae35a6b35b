// SPDX-License-Identifier: Apache-2.0
#include "system/linux_mount_table.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace frostline::system {
namespace {

class MountTableTest : public testing::Test {
protected:
    ~MountTableTest() override { ::unlink(file.c_str()); }

    Result<std::vector<Mount>> read(const std::string& text)
    {
        std::ofstream{file} << text;
        return LinuxMountTable{file}.read();
    }

    std::string file = testing::TempDir() + "/mountinfo-" + std::to_string(::getpid());
};

TEST_F(MountTableTest, TakesEveryFieldInTheTablesOrder)
{
    const auto mounts = read("25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard\n"
                             "26 25 0:31 /@home /home rw - btrfs /dev/vdb rw,subvol=/@home\n"
                             "27 25 0:45 / /net rw - nfs4 server:/export rw,vers=4.2\n");
    ASSERT_TRUE(mounts) << mounts.error().message();
    ASSERT_EQ(mounts->size(), 3U);
    const Mount& home = (*mounts)[1];
    EXPECT_EQ(home.id, 26);
    EXPECT_EQ(home.parent_id, 25);
    EXPECT_EQ(home.mount_point, "/home");
    EXPECT_EQ(home.root, "/@home");
    EXPECT_EQ(home.type, "btrfs");
    EXPECT_EQ(home.source, "/dev/vdb");
    EXPECT_EQ(home.device, makedev(0, 31));
    EXPECT_FALSE(home.read_only);
}

TEST_F(MountTableTest, DecodesSpacesTabsNewlinesAndBackslashes)
{
    const auto mounts =
        read("30 1 254:3 / /mnt/a\\040b\\011c\\012d\\134e rw - ext4 /dev/my\\040disk rw\n");
    ASSERT_TRUE(mounts);
    EXPECT_EQ((*mounts)[0].mount_point, "/mnt/a b\tc\nd\\e");
    EXPECT_EQ((*mounts)[0].source, "/dev/my disk");
}

TEST_F(MountTableTest, ReadOnlyMeansTheSuperblockNotTheMount)
{
    const auto mounts = read("30 1 254:3 / /a ro,relatime - ext4 /dev/vda rw\n"
                             "31 1 254:4 / /b rw,relatime - ext4 /dev/vdb ro,errors=remount-ro\n");
    ASSERT_TRUE(mounts);
    EXPECT_FALSE((*mounts)[0].read_only);
    EXPECT_TRUE((*mounts)[1].read_only);
}

TEST_F(MountTableTest, ALineThatCannotBeReadIsAnError)
{
    EXPECT_FALSE(read("25 1 254:1 / / rw - ext4 /dev/vda1 rw\nnonsense\n"));
}

TEST_F(MountTableTest, AMissingFileIsAnErrorThatNamesIt)
{
    const auto mounts = LinuxMountTable{"/nonexistent/mountinfo"}.read();
    ASSERT_FALSE(mounts);
    EXPECT_THAT(mounts.error().message(), testing::HasSubstr("/nonexistent/mountinfo"));
}

TEST_F(MountTableTest, ReadsTheRealOne)
{
    const auto mounts = LinuxMountTable{}.read();
    ASSERT_TRUE(mounts);
    EXPECT_FALSE(mounts->empty());
}

} // namespace
} // namespace frostline::system
