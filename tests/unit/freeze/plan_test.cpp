// SPDX-License-Identifier: Apache-2.0
#include "session_fixture.hpp"
#include "system/mount_tree.hpp"

namespace frostline::freeze {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PlanTest : public testing::Test {
protected:
    Plan plan()
    {
        Result<Plan> result = make_plan(mounts, backing, settings, request);
        EXPECT_TRUE(result) << (result ? "" : result.error().message());
        return result ? *std::move(result) : Plan{};
    }
    [[nodiscard]] static std::vector<std::string> names(const Plan& plan)
    {
        std::vector<std::string> result;
        for (const PlannedFs& fs : plan.filesystems) {
            result.push_back(fs.mount.mount_point + (fs.action == Action::sync ? " sync" : ""));
        }
        return result;
    }

    std::vector<system::Mount> mounts{make_mount(1, 0, "/", makedev(254, 1))};
    BackingFiles backing;
    Settings settings;
    Request request;
};

TEST_F(PlanTest, TheKernelsOwnFileSystemsAreNotEvenMentioned)
{
    mounts.push_back(make_mount(2, 1, "/proc", makedev(0, 4), "proc", "proc"));
    mounts.push_back(make_mount(3, 1, "/run", makedev(0, 5), "tmpfs", "tmpfs"));
    mounts.push_back(make_mount(4, 1, "/snap/x", makedev(7, 0), "squashfs", "/dev/loop0"));
    EXPECT_THAT(names(plan()), ElementsAre("/"));
    EXPECT_THAT(plan().left_out, IsEmpty());
}

TEST_F(PlanTest, WhatIsServedFromElsewhereIsNeverOpenedButMentioned)
{
    mounts.push_back(make_mount(2, 1, "/net", makedev(0, 40), "nfs4", "server:/x"));
    mounts.push_back(make_mount(3, 1, "/ntfs", makedev(254, 9), "fuseblk", "/dev/vdb1"));
    EXPECT_THAT(names(plan()), ElementsAre("/"));
    ASSERT_EQ(plan().left_out.size(), 2U);
    EXPECT_EQ(plan().left_out[1].mount_point, "/net");
    EXPECT_THAT(plan().left_out[1].reason, HasSubstr("nfs4"));
}

TEST_F(PlanTest, ASuperblockCountsOnceWithAllItsMountPoints)
{
    mounts.push_back(make_mount(2, 1, "/srv", makedev(254, 1)));
    ASSERT_THAT(names(plan()), ElementsAre("/"));
    EXPECT_THAT(plan().filesystems[0].mount_points, ElementsAre("/", "/srv"));
}

TEST_F(PlanTest, BtrfsCountsOnceWithItsSubvolumes)
{
    mounts = {make_mount(1, 0, "/", makedev(0, 30), "btrfs", "/dev/vda"),
              make_mount(2, 1, "/home", makedev(0, 30), "btrfs", "/dev/vda")};
    EXPECT_THAT(names(plan()), ElementsAre("/"));
}

TEST_F(PlanTest, AReadOnlyFileSystemIsFrozenToo)
{
    mounts[0].read_only = true;
    EXPECT_THAT(names(plan()), ElementsAre("/"));
}

TEST_F(PlanTest, ZfsAndOverlayAreSynced)
{
    mounts.push_back(make_mount(2, 1, "/tank", makedev(0, 40), "zfs", "tank"));
    mounts.push_back(make_mount(3, 1, "/merged", makedev(0, 41), "overlay", "overlay"));
    EXPECT_THAT(names(plan()), ElementsAre("/merged sync", "/tank sync", "/"));
}

TEST_F(PlanTest, ExcludesByGlobAndByTypeAndFromTheRequest)
{
    mounts.push_back(make_mount(2, 1, "/var/lib/docker", makedev(254, 2)));
    mounts.push_back(make_mount(3, 1, "/win", makedev(254, 3), "vfat"));
    mounts.push_back(make_mount(4, 1, "/scratch", makedev(254, 4)));
    settings.exclude = {"/var/lib/*", "@vf*"};
    request.exclude = {"/scratch"};
    EXPECT_THAT(names(plan()), ElementsAre("/"));
    ASSERT_EQ(plan().left_out.size(), 3U);
    EXPECT_EQ(plan().left_out[0].reason, "excluded by the request");
    EXPECT_EQ(plan().left_out[1].reason, "excluded by the configuration");
}

TEST_F(PlanTest, ABindMountMatchingAnExcludeDoesNotExcludeWhatItIsPartOf)
{
    mounts.push_back(make_mount(2, 1, "/var/lib/docker", makedev(254, 1)));
    settings.exclude = {"/var/lib/docker"};
    EXPECT_THAT(names(plan()), ElementsAre("/"));
}

TEST_F(PlanTest, SyncOnly)
{
    settings.sync_only = {"@ext4"};
    EXPECT_THAT(names(plan()), ElementsAre("/ sync"));
}

TEST_F(PlanTest, AListMatchesAnyMountPointWithOrWithoutSlashes)
{
    mounts.push_back(make_mount(2, 1, "/data", makedev(254, 2)));
    mounts.push_back(make_mount(3, 1, "/bind", makedev(254, 2)));
    request.mount_points = {{"/bind//"}};
    EXPECT_THAT(names(plan()), ElementsAre("/data"));
    request.mount_points = std::vector<std::string>{};
    EXPECT_THAT(names(plan()), IsEmpty());
}

TEST_F(PlanTest, AListEntryThatCannotFreezeIsSynced)
{
    mounts.push_back(make_mount(2, 1, "/run", makedev(0, 5), "tmpfs", "tmpfs"));
    request.mount_points = {{"/run"}};
    EXPECT_THAT(names(plan()), ElementsAre("/run sync"));
}

TEST_F(PlanTest, AnUnknownMountPointIsAnErrorOrAReportedRow)
{
    request.mount_points = {{"/", "/typo"}};
    Result<Plan> refused = make_plan(mounts, backing, settings, request);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), HasSubstr("/typo: not a mount point"));
    request.unknown_mount_point_is_error = false;
    EXPECT_THAT(names(plan()), ElementsAre("/"));
    EXPECT_EQ(plan().left_out[0].mount_point, "/typo");
}

TEST_F(PlanTest, AHiddenMountPointIsReplacedByAVisibleOne)
{
    mounts.push_back(make_mount(2, 1, "/a/data", makedev(254, 2)));
    mounts.push_back(make_mount(3, 1, "/b", makedev(254, 2)));
    mounts.push_back(make_mount(4, 1, "/a", makedev(254, 4))); // covers /a/data
    EXPECT_THAT(names(plan()), ElementsAre("/a", "/b", "/"));
    mounts.erase(mounts.begin() + 2);
    EXPECT_THAT(names(plan()), ElementsAre("/a", "/"));
    ASSERT_EQ(plan().left_out.size(), 1U);
    EXPECT_THAT(plan().left_out[0].reason, HasSubstr("hidden"));
}

TEST_F(PlanTest, OneMountedOnTopOfAnotherHidesIt)
{
    mounts.push_back(make_mount(2, 1, "/data", makedev(254, 2)));
    mounts.push_back(make_mount(3, 2, "/data", makedev(254, 3)));
    ASSERT_EQ(plan().left_out.size(), 1U);
    request.mount_points = {{"/data"}};
    ASSERT_EQ(plan().filesystems.size(), 1U);
    EXPECT_EQ(plan().filesystems[0].mount.device, makedev(254, 3));
}

TEST_F(PlanTest, LoopsAreFrozenBeforeWhatTheyLieOn)
{
    mounts.push_back(make_mount(2, 1, "/one", makedev(7, 0)));
    mounts.push_back(make_mount(3, 2, "/one/two", makedev(7, 1)));
    mounts.push_back(make_mount(4, 1, "/disk", makedev(254, 4)));
    backing[makedev(7, 0)] = {{"/images/one.img", 0}};
    backing[makedev(7, 1)] = {{"/one/two.img", 0}};
    const Plan result = plan();
    EXPECT_THAT(names(result), ElementsAre("/disk", "/one/two", "/one", "/"));
    EXPECT_EQ(result.filesystems[1].wave, 0);
    EXPECT_EQ(result.filesystems[2].wave, 1);
    EXPECT_EQ(result.filesystems[3].wave, 2);
}

TEST_F(PlanTest, WhereALoopsFileLiesIsToldByItsFileSystemsNumberBeforeItsPath)
{
    mounts.push_back(make_mount(2, 1, "/one", makedev(7, 0)));
    mounts.push_back(make_mount(3, 1, "/disk", makedev(254, 4)));
    backing[makedev(7, 0)] = {{"/one.img", makedev(254, 4)}};
    EXPECT_EQ(names(plan()).back(), "/disk");
    backing[makedev(7, 0)] = {{"/disk/one.img", makedev(0, 99)}}; // no such superblock
    EXPECT_EQ(names(plan()).back(), "/disk");
    backing[makedev(7, 0)] = {{"/one.img", 0}};
    EXPECT_EQ(names(plan()).back(), "/");
}

TEST_F(PlanTest, LoopsAreFollowedThroughWhatIsLeftOut)
{
    mounts.push_back(make_mount(2, 1, "/one", makedev(7, 0)));
    mounts.push_back(make_mount(3, 2, "/one/two", makedev(7, 1)));
    backing[makedev(7, 0)] = {{"/images/one.img", 0}};
    backing[makedev(7, 1)] = {{"/one/two.img", 0}};
    settings.exclude = {"/one"};
    const Plan result = plan();
    EXPECT_THAT(names(result), ElementsAre("/one/two", "/"));
    EXPECT_EQ(result.filesystems[1].wave, 1);
}

TEST_F(PlanTest, ACircleIsAnErrorInPlainWords)
{
    mounts.push_back(make_mount(2, 1, "/a", makedev(7, 0)));
    mounts.push_back(make_mount(3, 1, "/b", makedev(7, 1)));
    backing[makedev(7, 0)] = {{"/b/a.img", 0}};
    backing[makedev(7, 1)] = {{"/a/b.img", 0}};
    Result<Plan> result = make_plan(mounts, backing, settings, request);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("/b, /a lie on each other"));
}

TEST(NormalisePath, DropsNeedlessSlashes)
{
    EXPECT_EQ(system::normalise_path("/a//b/"), "/a/b");
    EXPECT_EQ(system::normalise_path("//"), "/");
    EXPECT_EQ(system::normalise_path(""), "");
}

} // namespace
} // namespace frostline::freeze
