// SPDX-License-Identifier: Apache-2.0
#include "system/sysfs_block_layers.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace frostline::system {
namespace {

namespace files = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

/// A small /sys as the kernel lays it out: devices below /sys/devices, links to them elsewhere.
class BlockLayersTest : public testing::Test {
protected:
    BlockLayersTest()
    {
        files::create_directories(sys / "class" / "block");
        files::create_directories(sys / "dev" / "block");
    }
    ~BlockLayersTest() override { files::remove_all(sys); }

    files::path device(const std::string& name, const std::string& number,
                       const std::string& parent = "")
    {
        const files::path folder = sys / "devices" / parent / name;
        files::create_directories(folder);
        files::create_directory_symlink(folder, sys / "class" / "block" / name);
        files::create_directory_symlink(folder, sys / "dev" / "block" / number);
        return folder;
    }
    void loop(const std::string& name, const std::string& number, const std::string& file)
    {
        const files::path folder = device(name, number) / "loop";
        files::create_directory(folder);
        std::ofstream{folder / "backing_file"} << file << '\n';
    }
    std::vector<std::string> files_of(dev_t number, const std::string& type = "ext4",
                                      const std::string& source = "/dev/x")
    {
        Mount mount;
        mount.device = number;
        mount.type = type;
        mount.source = source;
        std::vector<std::string> paths;
        const auto found = SysfsBlockLayers{sys.string()}.backing_files(mount);
        for (const BackingFile& file : *found) {
            EXPECT_EQ(file.filesystem, 0U); // /dev/loop0 is another device than this loop0
            paths.push_back(file.path);
        }
        return paths;
    }

    files::path sys = files::path{testing::TempDir()} / ("sys-" + std::to_string(::getpid()));
};

TEST_F(BlockLayersTest, ADiskHasNoFiles)
{
    device("vda", "254:0");
    EXPECT_THAT(files_of(makedev(254, 0)), IsEmpty());
    EXPECT_THAT(files_of(makedev(99, 9)), IsEmpty());
}

TEST_F(BlockLayersTest, ALoopDeviceHasItsFileAlsoWhenThatWasDeleted)
{
    loop("loop0", "7:0", "/images/a b.img (deleted)");
    EXPECT_THAT(files_of(makedev(7, 0)), ElementsAre("/images/a b.img"));
}

TEST_F(BlockLayersTest, FollowsPartitionsDeviceMapperAndLoopsOnDevices)
{
    loop("loop0", "7:0", "/images/a.img");
    const files::path part = device("loop0p1", "259:0", "loop0");
    std::ofstream{part / "partition"} << "1\n";
    const files::path mapper = device("dm-0", "253:0");
    files::create_directories(mapper / "slaves" / "loop0p1");
    loop("loop1", "7:1", "/dev/dm-0");
    EXPECT_THAT(files_of(makedev(7, 1)), ElementsAre("/images/a.img"));
}

TEST_F(BlockLayersTest, AFileBelowDevIsAFile)
{
    loop("loop2", "7:2", "/dev/shm/mounted/a.img");
    EXPECT_THAT(files_of(makedev(7, 2)), ElementsAre("/dev/shm/mounted/a.img"));
}

TEST_F(BlockLayersTest, BtrfsHasAllItsDevices)
{
    loop("loop0", "7:0", "/images/a.img");
    loop("loop1", "7:1", "/images/b.img");
    files::create_directories(sys / "fs" / "btrfs" / "uuid" / "devices" / "loop0");
    files::create_directories(sys / "fs" / "btrfs" / "uuid" / "devices" / "loop1");
    EXPECT_THAT(files_of(makedev(0, 30), "btrfs", "/dev/loop1"),
                ElementsAre("/images/a.img", "/images/b.img"));
}

} // namespace
} // namespace frostline::system
