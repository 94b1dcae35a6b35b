// SPDX-License-Identifier: Apache-2.0
#include "machines.hpp"
#include "sysfs_tree.hpp"
#include "system/sysfs_block_devices.hpp"
#include "system/udev_device_database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace frostline::system {
namespace {

namespace machines = test::machines;
using test::SysfsTree;
using testing::ElementsAre;
using testing::IsEmpty;

MountedDevice below(const SysfsTree& tree, unsigned major, unsigned minor,
                    const std::string& type = "ext4")
{
    BlockMount mount;
    mount.device = makedev(major, minor);
    mount.mount.type = type;
    return SysfsBlockDevices{tree, tree.root().string()}.below(mount);
}

/// "virtio pci 0:0:2.0 at 0/0/0 /dev/vda SERIAL": all of an address that is one disk's.
std::string text(const DiskAddress& address)
{
    constexpr std::array names{"unknown", "ide", "scsi", "virtio", "usb", "sata", "nvme"};
    std::ostringstream out;
    out << names.at(static_cast<std::size_t>(address.bus_type)) << " pci " << address.pci.domain
        << ":" << address.pci.bus << ":" << address.pci.slot << "." << address.pci.function
        << " at " << address.bus << "/" << address.target << "/" << address.unit << " "
        << address.node;
    if (!address.serial.empty()) {
        out << " " << address.serial;
    }
    if (address.ccw) {
        out << " ccw " << address.ccw->cssid << "." << address.ccw->ssid << "."
            << address.ccw->subchno << "." << address.ccw->devno;
    }
    return out.str();
}

std::vector<std::string> disks(const SysfsTree& tree, unsigned major, unsigned minor,
                               const std::string& type = "ext4")
{
    std::vector<std::string> texts;
    for (const DiskAddress& address : below(tree, major, minor, type).disks) {
        texts.push_back(text(address));
    }
    return texts;
}

std::vector<BlockDevice> all(const SysfsTree& tree)
{
    return *SysfsBlockDevices{tree, tree.root().string()}.all();
}

std::vector<std::string> nodes(const std::vector<BlockDevice>& devices)
{
    std::vector<std::string> names;
    for (const BlockDevice& device : devices) {
        names.push_back(device.node);
    }
    return names;
}

TEST(DiskAddresses, VirtioIsFoundBehindABridge)
{
    const SysfsTree tree{machines::virtio};
    EXPECT_EQ(below(tree, 254, 1).name, "vda1");
    EXPECT_THAT(disks(tree, 254, 1),
                ElementsAre("virtio pci 0:1:0.0 at 0/0/0 /dev/vda1 root-disk"));
}

TEST(DiskAddresses, VirtioScsiHasChannelIdAndUnit)
{
    const SysfsTree tree{machines::virtio_scsi};
    EXPECT_THAT(disks(tree, 8, 0), ElementsAre("scsi pci 0:0:5.0 at 0/3/4 /dev/sda "
                                               "0QEMU_QEMU_HARDDISK_drive-scsi0"));
    EXPECT_THAT(disks(tree, 8, 16), ElementsAre("scsi pci 0:0:5.0 at 0/0/0 /dev/sdb"));
}

TEST(DiskAddresses, TheUnitOfParallelScsiIsTheId)
{
    EXPECT_THAT(disks(SysfsTree{machines::scsi}, 8, 0),
                ElementsAre("scsi pci 0:0:6.0 at 0/0/5 /dev/sda"));
}

TEST(DiskAddresses, TheUnitOfSataIsThePortOfItsControllerInTheOrderOfNumbers)
{
    const SysfsTree tree{machines::ahci};
    EXPECT_THAT(disks(tree, 8, 0),
                ElementsAre("sata pci 0:0:31.2 at 0/0/1 /dev/sda QEMU_HARDDISK_QM00003"));
    EXPECT_THAT(disks(tree, 8, 16), ElementsAre("sata pci 0:0:31.2 at 0/0/2 /dev/sdb"));
}

TEST(DiskAddresses, TheBusOfIdeIsTheChannelAndTheUnitTheId)
{
    EXPECT_THAT(disks(SysfsTree{machines::ata_piix}, 8, 0),
                ElementsAre("ide pci 0:0:1.1 at 1/0/1 /dev/sda"));
    EXPECT_THAT(disks(SysfsTree{machines::ata_piix_old}, 8, 0),
                ElementsAre("ide pci 0:0:1.1 at 1/0/0 /dev/sda"));
}

TEST(DiskAddresses, NvmeAlsoBehindSeveralPathsAndOnAHyperVBus)
{
    EXPECT_THAT(disks(SysfsTree{machines::nvme}, 259, 0),
                ElementsAre("nvme pci 0:0:4.0 at 0/0/0 /dev/nvme0n1 QEMU_NVMe_Ctrl_feed"));
    EXPECT_THAT(disks(SysfsTree{machines::nvme_multipath}, 259, 0),
                ElementsAre("nvme pci 0:0:7.0 at 0/0/0 /dev/nvme0n1"));
    EXPECT_THAT(disks(SysfsTree{machines::nvme_hyperv}, 259, 0),
                ElementsAre("nvme pci 49243:0:0.0 at 0/0/0 /dev/nvme0n1"));
}

TEST(DiskAddresses, Usb)
{
    EXPECT_THAT(disks(SysfsTree{machines::usb}, 8, 0),
                ElementsAre("usb pci 0:0:3.0 at 0/0/0 /dev/sda QEMU_QEMU_USB_HARDDRIVE_1-0:0"));
}

TEST(DiskAddresses, WhatHostsDoNotKnowHasNoPciAddress)
{
    SysfsTree tree{machines::megaraid};
    EXPECT_THAT(disks(tree, 8, 0), ElementsAre("unknown pci -1:-1:-1.-1 at 0/0/0 /dev/sda"));
    EXPECT_THAT(disks(SysfsTree{machines::xen}, 202, 0),
                ElementsAre("unknown pci -1:-1:-1.-1 at 0/0/0 /dev/xvda"));
    tree.forget("sda");
    EXPECT_THAT(disks(tree, 8, 0), IsEmpty());
}

TEST(DiskAddresses, ChannelIo)
{
    const SysfsTree tree{machines::s390};
    EXPECT_THAT(disks(tree, 254, 0),
                ElementsAre("virtio pci -1:-1:-1.-1 at 0/0/0 /dev/vda ccw 0.0.10.4660"));
    EXPECT_THAT(disks(tree, 94, 0),
                ElementsAre("unknown pci -1:-1:-1.-1 at 0/0/0 /dev/dasda ccw 0.1.4.512"));
    EXPECT_THAT(disks(tree, 8, 0),
                ElementsAre("scsi pci -1:-1:-1.-1 at 0/1/5 /dev/sda ccw 0.0.3.7"));
}

TEST(DiskAddresses, VirtioWithoutPci)
{
    const SysfsTree tree{machines::virtio_mmio};
    EXPECT_THAT(disks(tree, 254, 0), ElementsAre("virtio pci -1:-1:-1.-1 at 0/0/0 /dev/vda"));
    EXPECT_THAT(disks(tree, 8, 0), ElementsAre("scsi pci -1:-1:-1.-1 at 1/2/3 /dev/sda"));
}

TEST(MountedDevices, LvmIsFollowedToEachPartitionOnce)
{
    const SysfsTree tree{machines::lvm};
    EXPECT_EQ(below(tree, 253, 0).name, "dm-0");
    EXPECT_THAT(disks(tree, 253, 0), ElementsAre("virtio pci 0:0:2.0 at 0/0/0 /dev/vda2",
                                                 "virtio pci 0:0:2.0 at 0/0/0 /dev/vda3",
                                                 "virtio pci 0:0:3.0 at 0/0/0 /dev/vdb"));
    EXPECT_THAT(disks(tree, 253, 1), ElementsAre("virtio pci 0:0:2.0 at 0/0/0 /dev/vda2"));
}

TEST(MountedDevices, RaidItsPartitionAndEncryptionOnIt)
{
    const SysfsTree tree{machines::md_and_crypt};
    const auto both = ElementsAre("virtio pci 0:0:2.0 at 0/0/0 /dev/vda1",
                                  "virtio pci 0:0:3.0 at 0/0/0 /dev/vdb1");
    EXPECT_THAT(disks(tree, 9, 0), both);
    EXPECT_THAT(disks(tree, 259, 0), both);
    EXPECT_THAT(disks(tree, 253, 0), both);
    EXPECT_EQ(below(tree, 259, 0).name, "md0p1");
}

TEST(MountedDevices, MultipathHasEveryPath)
{
    EXPECT_THAT(
        disks(SysfsTree{machines::multipath}, 252, 1),
        ElementsAre("scsi pci 0:0:8.0 at 0/1/7 /dev/sda", "scsi pci 0:0:8.0 at 0/2/7 /dev/sdb"));
}

TEST(MountedDevices, ALoopDeviceHasNoDisk)
{
    const SysfsTree tree{machines::loop};
    EXPECT_EQ(below(tree, 7, 0).name, "loop0");
    EXPECT_THAT(disks(tree, 7, 0), IsEmpty());
    EXPECT_THAT(disks(tree, 259, 0), IsEmpty());
}

TEST(MountedDevices, BtrfsHasAllItsDevices)
{
    const SysfsTree tree{machines::btrfs};
    EXPECT_EQ(below(tree, 254, 16, "btrfs").name, "vdb");
    EXPECT_THAT(disks(tree, 254, 16, "btrfs"), ElementsAre("virtio pci 0:0:2.0 at 0/0/0 /dev/vda1",
                                                           "virtio pci 0:0:3.0 at 0/0/0 /dev/vdb"));
    EXPECT_THAT(disks(tree, 254, 16, "ext4"), ElementsAre("virtio pci 0:0:3.0 at 0/0/0 /dev/vdb"));
}

TEST(MountedDevices, OneThatSysfsDoesNotHaveIsKnownByItsNumber)
{
    const SysfsTree tree{""};
    EXPECT_EQ(below(tree, 8, 17).name, "8:17");
    EXPECT_THAT(disks(tree, 8, 17), IsEmpty());
}

TEST(MountedDevices, ADiskUnpluggedMeanwhileIsLeftOut)
{
    SysfsTree tree{machines::lvm};
    tree.unplug("vdb");
    EXPECT_THAT(disks(tree, 253, 0), ElementsAre("virtio pci 0:0:2.0 at 0/0/0 /dev/vda2",
                                                 "virtio pci 0:0:2.0 at 0/0/0 /dev/vda3"));
    EXPECT_EQ(below(tree, 254, 16).name, "254:16");
}

TEST(AllDevices, PartitionsFollowTheirDiskInNaturalOrder)
{
    const SysfsTree tree{machines::virtio};
    const auto devices = all(tree);
    EXPECT_THAT(nodes(devices), ElementsAre("/dev/vda", "/dev/vda1", "/dev/vda2", "/dev/vda10"));
    EXPECT_FALSE(devices[0].partition);
    EXPECT_THAT(*devices[0].dependencies, IsEmpty());
    EXPECT_EQ(text(*devices[0].address), "virtio pci 0:1:0.0 at 0/0/0 /dev/vda root-disk");
    EXPECT_TRUE(devices[1].partition);
    EXPECT_THAT(*devices[1].dependencies, ElementsAre("/dev/vda"));
    EXPECT_FALSE(devices[1].address);
}

TEST(AllDevices, NvmePartitionsHaveAPInTheirNames)
{
    const auto devices = all(SysfsTree{machines::nvme});
    EXPECT_THAT(nodes(devices), ElementsAre("/dev/nvme0n1", "/dev/nvme0n1p1"));
    EXPECT_TRUE(devices[1].partition);
}

TEST(AllDevices, WhatIsMadeOfOthersNamesThemAndItsAlias)
{
    const auto devices = all(SysfsTree{machines::lvm});
    ASSERT_THAT(nodes(devices), ElementsAre("/dev/dm-0", "/dev/dm-1", "/dev/vda", "/dev/vda2",
                                            "/dev/vda3", "/dev/vdb"));
    EXPECT_EQ(devices[0].alias, "vg-root");
    EXPECT_THAT(*devices[0].dependencies, ElementsAre("/dev/vda2", "/dev/vda3", "/dev/vdb"));
    EXPECT_FALSE(devices[0].address);
    EXPECT_EQ(devices[1].alias, "vg-swap") << "without udev's word, the kernel's";
}

TEST(AllDevices, WithoutMediumOrFileOrNodeTheyAreNotListed)
{
    SysfsTree tree{machines::loop};
    tree.forget("zram0");
    EXPECT_THAT(nodes(all(tree)), ElementsAre("/dev/loop0", "/dev/loop0p1"));
}

TEST(AllDevices, ADiskUnpluggedMeanwhileIsLeftOut)
{
    SysfsTree tree{machines::lvm};
    tree.unplug("vda3");
    tree.unplug("vdb");
    const auto devices = all(tree);
    EXPECT_THAT(nodes(devices), ElementsAre("/dev/dm-0", "/dev/dm-1", "/dev/vda", "/dev/vda2"));
    EXPECT_THAT(*devices[0].dependencies, ElementsAre("/dev/vda2"));
}

TEST(AllDevices, AMachineMayHaveNone)
{
    EXPECT_THAT(all(SysfsTree{""}), IsEmpty());
}

TEST(AllDevices, WithoutTheKernelsListItIsAnError)
{
    const SysfsTree tree{""};
    const auto devices = SysfsBlockDevices{tree, "/nonexistent"}.all();
    ASSERT_FALSE(devices);
    EXPECT_EQ(devices.error().message(),
              "Can't open directory \"/sys/block\": No such file or directory");
}

TEST(AllDevices, TheRealOnesAreKnownToUdev)
{
    const UdevDeviceDatabase udev;
    const auto devices = SysfsBlockDevices{udev}.all();
    if (!std::filesystem::exists("/sys/block")) {
        GTEST_SKIP() << "this machine has no /sys/block";
    }
    ASSERT_TRUE(devices) << devices.error().message();
    for (const BlockDevice& device : *devices) {
        EXPECT_EQ(device.node.substr(0, 5), "/dev/");
    }
    EXPECT_FALSE(udev.find("/sys/nonexistent"));
}

} // namespace
} // namespace frostline::system
