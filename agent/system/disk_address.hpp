// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/device_database.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace frostline::system {

/// All -1 where it is not known.
struct PciAddress {
    std::int64_t domain = -1;
    std::int64_t bus = -1;
    std::int64_t slot = -1;
    std::int64_t function = -1;
};

/// Of a device of s390's channel I/O.
struct CcwAddress {
    std::int64_t cssid = 0;
    std::int64_t ssid = 0;
    std::int64_t subchno = 0;
    std::int64_t devno = 0;
};

enum class DiskBus { unknown, ide, scsi, virtio, usb, sata, nvme };

/// Where a disk is plugged in, in the host's terms: hosts find their disk by it.
struct DiskAddress {
    PciAddress pci;
    DiskBus bus_type = DiskBus::unknown;
    std::int64_t bus = 0;
    std::int64_t target = 0;
    std::int64_t unit = 0;
    std::string serial; ///< empty: not known
    std::string node;   ///< "/dev/vda1"; empty: not known
    std::optional<CcwAddress> ccw;
};

/// Derives the address of a real (not virtual) block device from its place in the device tree.
/// `sysfs` is the folder that stands for /sys, free of links; `device` is the device's real folder
/// in it. nullopt when neither the bus nor anything else of it is known.
[[nodiscard]] std::optional<DiskAddress> disk_address(const std::filesystem::path& sysfs,
                                                      const std::filesystem::path& device,
                                                      const DeviceDatabase& database);

} // namespace frostline::system
