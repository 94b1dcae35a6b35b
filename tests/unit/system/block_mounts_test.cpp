// SPDX-License-Identifier: Apache-2.0
#include "system/block_mounts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace frostline::system {
namespace {

using testing::ElementsAre;

class BlockMounts : public testing::Test {
protected:
    BlockMounts() { mount("/", makedev(254, 1), "ext4", "/dev/vda1"); }

    /// Mounts on the last one mounted whose mount point is above.
    void mount(const std::string& point, dev_t device, const std::string& type = "ext4",
               const std::string& source = "/dev/x")
    {
        Mount added;
        added.id = 100 + static_cast<int>(table_.size());
        added.parent_id = 1;
        for (const Mount& above : table_) {
            if (point.compare(0, above.mount_point.size(), above.mount_point) == 0) {
                added.parent_id = above.id;
            }
        }
        added.mount_point = point;
        added.root = "/";
        added.type = type;
        added.source = source;
        added.device = device;
        table_.push_back(added);
    }
    std::vector<std::string> points() const
    {
        std::vector<std::string> result;
        for (const BlockMount& found : list()) {
            result.push_back(found.mount.mount_point);
        }
        return result;
    }
    std::vector<BlockMount> list() const
    {
        return block_mounts(table_, [](const std::string& path) {
            return path == "/dev/vdb" ? std::optional{makedev(254, 16)} : std::nullopt;
        });
    }

    std::vector<Mount> table_;
};

TEST_F(BlockMounts, WhatHasNoBlockDeviceIsLeftOut)
{
    mount("/proc", makedev(0, 4), "proc", "proc");
    mount("/net", makedev(0, 50), "nfs4", "server:/export");
    mount("/auto", makedev(0, 51), "autofs", "systemd-1");
    mount("/fuse", makedev(0, 52), "fuse.sshfs", "user@host:");
    mount("/tank", makedev(0, 53), "zfs", "tank");
    mount("/merged", makedev(0, 54), "overlay", "overlay");
    mount("/data", makedev(254, 32));
    EXPECT_THAT(points(), ElementsAre("/", "/data"));
}

TEST_F(BlockMounts, EachDeviceCountsOnceUnderItsFirstMountPoint)
{
    mount("/srv", makedev(254, 32));
    mount("/bind", makedev(254, 32));
    mount("/bind-of-root", makedev(254, 1));
    EXPECT_THAT(points(), ElementsAre("/", "/srv"));
}

TEST_F(BlockMounts, BtrfsCountsByItsSource)
{
    mount("/pool", makedev(0, 40), "btrfs", "/dev/vdb");
    mount("/home", makedev(0, 40), "btrfs", "/dev/vdb");
    mount("/other", makedev(0, 41), "btrfs", "/no/device");
    ASSERT_THAT(points(), ElementsAre("/", "/pool"));
    EXPECT_EQ(list()[1].device, makedev(254, 16));
}

TEST_F(BlockMounts, OneThatIsCoveredIsReachedThroughAnotherMountPointIfAny)
{
    mount("/a", makedev(254, 32));
    mount("/a/b", makedev(254, 48));
    mount("/a", makedev(254, 64)); // over both
    mount("/again", makedev(254, 32));
    const auto found = list();
    ASSERT_THAT(points(), ElementsAre("/", "/a", "/a/b", "/a"));
    EXPECT_EQ(found[1].reachable_at, "/again");
    EXPECT_EQ(found[2].reachable_at, std::nullopt);
    EXPECT_EQ(found[3].reachable_at, "/a");
}

} // namespace
} // namespace frostline::system
