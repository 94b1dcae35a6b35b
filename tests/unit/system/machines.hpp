// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Samples of /sys (sysfs_tree.hpp has the format) with the paths that real machines have.
namespace frostline::test::machines {

constexpr const char* virtio = R"(
pci  /devices/pci0000:00/0000:00:02.0 pcieport
pci  /devices/pci0000:00/0000:00:02.0/0000:01:00.0 virtio-pci
disk vda 254:0 /devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio2/block
part vda1 254:1 vda
part vda10 254:10 vda
part vda2 254:2 vda
udev vda ID_SERIAL=root-disk
udev vda1 ID_SERIAL=root-disk
)";

constexpr const char* virtio_scsi = R"(
pci  /devices/pci0000:00/0000:00:05.0 virtio-pci
disk sda 8:0 /devices/pci0000:00/0000:00:05.0/virtio1/host2/target2:0:3/2:0:3:4/block
disk sdb 8:16 /devices/pci0000:00/0000:00:05.0/virtio1/host2/target2:0:0/2:0:0:0/block
udev sda ID_SERIAL=0QEMU_QEMU_HARDDISK_drive-scsi0
)";

/// lsi53c895a, as QEMU has it.
constexpr const char* scsi = R"(
pci  /devices/pci0000:00/0000:00:06.0 sym53c8xx
disk sda 8:0 /devices/pci0000:00/0000:00:06.0/host0/target0:0:5/0:0:5:0/block
)";

constexpr const char* ahci = R"(
pci  /devices/pci0000:00/0000:00:1f.2 ahci
folder /devices/pci0000:00/0000:00:1f.2/ata1
folder /devices/pci0000:00/0000:00:1f.2/ata2
folder /devices/pci0000:00/0000:00:1f.2/ata_link
folder /devices/pci0000:00/0000:00:1f.2/ata10
disk sda 8:0 /devices/pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0/block
disk sdb 8:16 /devices/pci0000:00/0000:00:1f.2/ata10/host9/target9:0:0/9:0:0:0/block
udev sda ID_SERIAL=QEMU_HARDDISK_QM00003
)";

/// i440FX: both channels of the PIIX3, the second disk on the second.
constexpr const char* ata_piix = R"(
pci  /devices/pci0000:00/0000:00:01.1 ata_piix
folder /devices/pci0000:00/0000:00:01.1/ata7
disk sda 8:0 /devices/pci0000:00/0000:00:01.1/ata8/host7/target7:0:1/7:0:1:0/block
)";

/// The same on a kernel that has no ata folders.
constexpr const char* ata_piix_old = R"(
pci  /devices/pci0000:00/0000:00:01.1 ata_piix
folder /devices/pci0000:00/0000:00:01.1/host0
disk sda 8:0 /devices/pci0000:00/0000:00:01.1/host1/target1:0:0/1:0:0:0/block
)";

constexpr const char* nvme = R"(
pci  /devices/pci0000:00/0000:00:04.0 nvme
disk nvme0n1 259:0 /devices/pci0000:00/0000:00:04.0/nvme/nvme0
part nvme0n1p1 259:1 nvme0n1
udev nvme0n1 ID_SERIAL=QEMU_NVMe_Ctrl_feed
)";

/// A kernel that joins several paths to one namespace.
constexpr const char* nvme_multipath = R"(
pci  /devices/pci0000:00/0000:00:07.0 nvme
folder /devices/pci0000:00/0000:00:07.0/nvme/nvme0
disk nvme0n1 259:0 /devices/virtual/nvme-subsystem/nvme-subsys0
link /devices/virtual/nvme-subsystem/nvme-subsys0/nvme0 /devices/pci0000:00/0000:00:07.0/nvme/nvme0
)";

/// A PCI bus behind Hyper-V's, as a cloud's directly attached NVMe disks are.
constexpr const char* nvme_hyperv = R"(
pci  /devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00/c05b-01/pcic05b:00/c05b:00:00.0 nvme
disk nvme0n1 259:0 /devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00/c05b-01/pcic05b:00/c05b:00:00.0/nvme/nvme0
)";

constexpr const char* usb = R"(
pci  /devices/pci0000:00/0000:00:03.0 xhci_hcd
disk sda 8:0 /devices/pci0000:00/0000:00:03.0/usb1/1-1/1-1:1.0/host3/target3:0:0/3:0:0:0/block
udev sda ID_SERIAL=QEMU_QEMU_USB_HARDDRIVE_1-0:0
)";

/// A controller that hosts don't know disks by.
constexpr const char* megaraid = R"(
pci  /devices/pci0000:00/0000:00:05.0 megaraid_sas
disk sda 8:0 /devices/pci0000:00/0000:00:05.0/host0/target0:2:0/0:2:0:0/block
)";

/// One logical volume on two partitions of one disk and on a second disk, another on one of them.
constexpr const char* lvm = R"(
pci  /devices/pci0000:00/0000:00:02.0 virtio-pci
pci  /devices/pci0000:00/0000:00:03.0 virtio-pci
disk vda 254:0 /devices/pci0000:00/0000:00:02.0/virtio1/block
part vda2 254:2 vda
part vda3 254:3 vda
disk vdb 254:16 /devices/pci0000:00/0000:00:03.0/virtio2/block
virtual dm-0 253:0 vdb vda2 vda3
virtual dm-1 253:1 vda2
udev dm-0 DM_NAME=vg-root
file /devices/virtual/block/dm-1/dm/name vg-swap
)";

/// A mirror, partitioned, with an encrypted volume on it.
constexpr const char* md_and_crypt = R"(
pci  /devices/pci0000:00/0000:00:02.0 virtio-pci
pci  /devices/pci0000:00/0000:00:03.0 virtio-pci
disk vda 254:0 /devices/pci0000:00/0000:00:02.0/virtio1/block
part vda1 254:1 vda
disk vdb 254:16 /devices/pci0000:00/0000:00:03.0/virtio2/block
part vdb1 254:17 vdb
virtual md0 9:0 vda1 vdb1
part md0p1 259:0 md0
virtual dm-0 253:0 md0
udev dm-0 DM_NAME=luks-home
)";

/// Two paths to one disk, one of them with a partition's mapping on top.
constexpr const char* multipath = R"(
pci  /devices/pci0000:00/0000:00:08.0 virtio-pci
disk sda 8:0 /devices/pci0000:00/0000:00:08.0/virtio1/host0/target0:0:1/0:0:1:7/block
disk sdb 8:16 /devices/pci0000:00/0000:00:08.0/virtio1/host0/target0:0:2/0:0:2:7/block
virtual dm-0 252:0 sda sdb
virtual dm-1 252:1 dm-0
udev dm-0 DM_NAME=mpatha
udev dm-1 DM_NAME=mpatha-part1
)";

constexpr const char* loop = R"(
virtual loop0 7:0
part loop0p1 259:0 loop0
virtual loop1 7:1
file /devices/virtual/block/loop1/size 0
virtual zram0 251:0
)";

constexpr const char* btrfs = R"(
pci  /devices/pci0000:00/0000:00:02.0 virtio-pci
pci  /devices/pci0000:00/0000:00:03.0 virtio-pci
disk vda 254:0 /devices/pci0000:00/0000:00:02.0/virtio1/block
part vda1 254:1 vda
disk vdb 254:16 /devices/pci0000:00/0000:00:03.0/virtio2/block
folder /fs/btrfs/features
link /fs/btrfs/0c1b7c3e/devices/vdb /devices/pci0000:00/0000:00:03.0/virtio2/block/vdb
link /fs/btrfs/0c1b7c3e/devices/vda1 /devices/pci0000:00/0000:00:02.0/virtio1/block/vda/vda1
)";

constexpr const char* s390 = R"(
disk vda 254:0 /devices/css0/0.0.000a/0.0.1234/virtio0/block
disk dasda 94:0 /devices/css0/0.1.0004/0.1.0200/block
disk sda 8:0 /devices/css0/0.0.0003/0.0.0007/virtio3/host0/target0:0:1/0:0:1:5/block
)";

constexpr const char* virtio_mmio = R"(
disk vda 254:0 /devices/platform/a003e00.virtio_mmio/virtio0/block
disk sda 8:0 /devices/platform/a003c00.virtio_mmio/virtio1/host0/target0:1:2/0:1:2:3/block
)";

constexpr const char* xen = R"(
disk xvda 202:0 /devices/vbd-768/block
)";

} // namespace frostline::test::machines
