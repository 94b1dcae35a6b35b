// SPDX-License-Identifier: Apache-2.0
#include "ctl/hazards.hpp"

#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include <sys/sysmacros.h>

namespace frostline::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// From a virus scanner on a whole file system and one mount, and a file of its own (proc(5)).
constexpr std::string_view scanner = "pos:\t0\n"
                                     "flags:\t02\n"
                                     "mnt_id:\t16\n"
                                     "ino:\t1065\n"
                                     "fanotify flags:21 event-flags:8000\n"
                                     "fanotify sdev:800003 mflags:0 mask:10000 ignored_mask:0\n"
                                     "fanotify mnt_id:1c mflags:40 mask:20001 ignored_mask:0\n"
                                     "fanotify ino:2a sdev:fd00001 mflags:0 mask:10000 "
                                     "ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:2a\n";
// An indexer is told, and asked nothing.
constexpr std::string_view indexer = "fanotify flags:0 event-flags:0\n"
                                     "fanotify sdev:800003 mflags:0 mask:4000003b "
                                     "ignored_mask:0\n";

TEST(Fanotify, OnlyWhoIsAskedCounts)
{
    const auto listener = parse_fanotify(scanner);
    ASSERT_TRUE(listener);
    EXPECT_THAT(listener->devices, ElementsAre(makedev(8, 3), makedev(253, 1)));
    EXPECT_THAT(listener->mount_ids, ElementsAre(0x1C));
    EXPECT_FALSE(parse_fanotify(indexer));
    EXPECT_FALSE(parse_fanotify("pos:\t0\nflags:\t02\n"));
    EXPECT_FALSE(parse_fanotify(""));
    EXPECT_FALSE(parse_fanotify("fanotify sdev:800003 mask:xyz\n"));
}

TEST(Swaps, FilesWithTheirRealNames)
{
    EXPECT_THAT(parse_swap_files("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                                 "/dev/vda2                               partition\t1048572\t\t0"
                                 "\t\t-2\n"
                                 "/srv/my\\040swap                         file\t\t524284\t\t0\t\t"
                                 "-3\n"
                                 "/swap\\0 file 1 0 -4\n"),
                ElementsAre("/srv/my swap", "/swap\\0"));
    EXPECT_THAT(parse_swap_files(""), IsEmpty());
}

TEST(AuditLog, CountsWhatTheAgentWasDenied)
{
    const Denials denials = count_denials(
        "type=AVC msg=audit(1:1): avc:  denied  { ioctl } comm=\"frostline-agent\" path=\"/a\"\n"
        "type=AVC msg=audit(1:2): avc:  denied  { read } comm=\"sshd\"\n"
        "type=AVC msg=audit(1:3): avc:  granted  { read } comm=\"frostline-agent\"\n"
        "type=AVC msg=audit(1:4): avc:  denied  { ioctl } comm=\"frostline-guard\" path=\"/b\"\n");
    EXPECT_EQ(denials.count, 2U);
    EXPECT_THAT(denials.last, HasSubstr("/b"));
}

class Scan : public testing::Test {
protected:
    Scan()
    {
        roots_.proc = folder_.real() + "/proc";
        roots_.sys = folder_.real() + "/sys";
        roots_.audit_log = folder_.real() + "/audit.log";
        mounts_ = {mount(20, 1, "/", makedev(8, 1)), mount(28, 20, "/srv", makedev(8, 3)),
                   mount(29, 20, "/left-out", makedev(8, 5))};
        for (const std::size_t index : {0U, 1U}) {
            freeze::PlannedFs planned;
            planned.mount = mounts_[index];
            plan_.filesystems.push_back(planned);
        }
    }

    static system::Mount mount(int id, int parent, const std::string& path, dev_t device)
    {
        system::Mount made;
        made.id = id;
        made.parent_id = parent;
        made.mount_point = path;
        made.root = "/";
        made.type = "ext4";
        made.source = "/dev/sda" + std::to_string(minor(device));
        made.device = device;
        return made;
    }

    void write(const std::string& path, std::string_view content) const
    {
        folder_.write(path, std::string{content});
    }

    [[nodiscard]] std::vector<Hazard> scan() const { return scan_hazards(roots_, plan_, mounts_); }

    test::TempFolder folder_;
    ScanRoots roots_;
    freeze::Plan plan_;
    std::vector<system::Mount> mounts_;
};

TEST_F(Scan, NothingThereIsNoHazard)
{
    EXPECT_THAT(scan(), IsEmpty());
}

TEST_F(Scan, AListenerIsNamedWithWhatItWatches)
{
    write("proc/77/fdinfo/3", indexer);
    write("proc/77/comm", "indexer\n");
    write("proc/88/fdinfo/5", scanner);
    write("proc/88/fdinfo/6", scanner);
    write("proc/88/comm", "scanner\n");
    write("proc/self/fdinfo/5", scanner);
    const std::vector<Hazard> found = scan();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().kind, "fanotify");
    EXPECT_THAT(found.front().text, HasSubstr("scanner (process 88) is asked"));
    EXPECT_THAT(found.front().text, HasSubstr("on /srv:"));
}

TEST_F(Scan, ADescriptorThatIsClosedWhileItIsLookedAtIsPassedBy)
{
    // What the kernel does then: it opens, and a read fails.
    write("proc/88/comm", "scanner\n");
    write("proc/88/fdinfo/6", scanner);
    std::filesystem::create_symlink("/proc/self/mem", folder_.real() + "/proc/88/fdinfo/5");
    ASSERT_EQ(scan().size(), 1U);
}

TEST_F(Scan, ASwapFileCountsWhereItsFileSystemIsFrozen)
{
    write("proc/swaps", "Filename Type Size Used Priority\n"
                        "/left-out/swap file 1 0 -2\n"
                        "/srv/swap file 1 0 -3\n");
    const std::vector<Hazard> found = scan();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().kind, "swap-file");
    EXPECT_THAT(found.front().text, HasSubstr("/srv/swap lies on /srv"));
}

TEST_F(Scan, SelinuxCountsWhenItEnforcesAndHasDenied)
{
    const std::string denied = "avc:  denied  { ioctl } comm=\"frostline-agent\"\n";
    write("audit.log", denied);
    EXPECT_THAT(scan(), IsEmpty());
    write("sys/fs/selinux/enforce", "1");
    ASSERT_EQ(scan().size(), 1U);
    EXPECT_THAT(scan().front().text, HasSubstr("1 times"));
    write("audit.log", "");
    EXPECT_THAT(scan(), IsEmpty());
}

TEST_F(Scan, ADiskOnANetworkIsNamed)
{
    write("sys/devices/virtual/block/nbd0/size", "1");
    std::filesystem::create_directories(roots_.sys + "/dev/block");
    std::filesystem::create_symlink("../../devices/virtual/block/nbd0",
                                    roots_.sys + "/dev/block/8:3");
    const std::vector<Hazard> found = scan();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().kind, "network-disk");
    EXPECT_THAT(found.front().text, HasSubstr("/srv lies on nbd0 (network block device)"));
}

} // namespace
} // namespace frostline::ctl
