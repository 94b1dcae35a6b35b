// SPDX-License-Identifier: Apache-2.0
#include "ctl/network_disks.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/sysmacros.h>

namespace frostline::ctl {
namespace {

namespace fs = std::filesystem;

class NetworkDisks : public testing::Test {
protected:
    /// A device at its place in sysfs; `number` as in "8:0".
    fs::path device(const std::string& number, const std::string& place)
    {
        const fs::path path = sys_ / "devices" / place;
        fs::create_directories(path / "slaves");
        fs::create_directories(sys_ / "dev/block");
        fs::create_symlink(path, sys_ / "dev/block" / number);
        return path;
    }

    static void lies_on(const fs::path& upper, const fs::path& lower)
    {
        fs::create_symlink(lower, upper / "slaves" / lower.filename());
    }

    [[nodiscard]] std::string found(unsigned major_number, unsigned minor_number) const
    {
        return network_disk(sys_.string(), makedev(major_number, minor_number)).value_or("-");
    }

    test::TempFolder folder_;
    fs::path sys_{folder_.real()};
};

TEST_F(NetworkDisks, LocalOnesAreNone)
{
    device("254:0", "pci0000:00/0000:00:02.0/virtio1/block/vda");
    device("8:0", "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda");
    device("259:0", "pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1");
    fs::create_directories(sys_ / "class/nvme/nvme0");
    std::ofstream{sys_ / "class/nvme/nvme0/transport"} << "pcie\n";
    EXPECT_EQ(found(254, 0), "-");
    EXPECT_EQ(found(8, 0), "-");
    EXPECT_EQ(found(259, 0), "-");
    EXPECT_EQ(found(9, 9), "-"); // not there at all
}

TEST_F(NetworkDisks, EachKindIsKnown)
{
    device("43:0", "virtual/block/nbd0");
    device("252:0", "rbd/0/block/rbd0");
    device("147:0", "virtual/block/drbd0");
    device("8:16", "platform/host2/session1/target2:0:0/2:0:0:1/block/sdb");
    device("259:1", "virtual/nvme-subsystem/nvme-subsys1/nvme1c4n1");
    fs::create_directories(sys_ / "class/nvme/nvme4");
    std::ofstream{sys_ / "class/nvme/nvme4/transport"} << "tcp\n";
    EXPECT_EQ(found(43, 0), "nbd0 (network block device)");
    EXPECT_EQ(found(252, 0), "rbd0 (Ceph RBD)");
    EXPECT_EQ(found(147, 0), "drbd0 (DRBD)");
    EXPECT_EQ(found(8, 16), "sdb (iSCSI)");
    EXPECT_EQ(found(259, 1), "nvme1c4n1 (NVMe over tcp)");
}

TEST_F(NetworkDisks, BelowPartitionsVolumesAndArrays)
{
    const fs::path disk = device("43:32", "virtual/block/nbd1");
    const fs::path part = device("43:33", "virtual/block/nbd1/nbd1p1");
    std::ofstream{part / "partition"} << "1\n";
    const fs::path array = device("9:0", "virtual/block/md0");
    const fs::path volume = device("253:0", "virtual/block/dm-0");
    lies_on(array, part);
    lies_on(volume, array);
    lies_on(array, volume); // sysfs never has a circle; nothing hangs if it had
    EXPECT_EQ(found(43, 33), "nbd1 (network block device)");
    EXPECT_EQ(found(253, 0), "nbd1 (network block device)");
}

} // namespace
} // namespace frostline::ctl
