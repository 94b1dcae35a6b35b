// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/block_mounts.hpp"
#include "system/disk_address.hpp"

#include <optional>
#include <string>
#include <vector>

namespace frostline::system {

/// What lies below a mounted file system.
struct MountedDevice {
    std::string name; ///< the kernel's, "vda1" or "dm-0"; "MAJOR:MINOR" where sysfs has none
    /// Of all disks it lies on, in natural order; empty for one on no disk (loop, zram, nbd).
    std::vector<DiskAddress> disks;
};

/// A disk, a partition, or a device made of others.
struct BlockDevice {
    std::string node; ///< "/dev/vda"
    bool partition = false;
    /// Nodes of the devices it is made of: a partition's disk, a logical volume's partitions.
    /// nullopt where the kernel does not say.
    std::optional<std::vector<std::string>> dependencies;
    std::optional<DiskAddress> address; ///< of a real disk only
    std::string alias;                  ///< device mapper's name for it; empty without one
};

/// Block devices as the kernel lists them. Never opens a device. Workers only. A device that is
/// unplugged while it is looked at is left out of a list, or known by its number only.
class BlockDevices {
public:
    virtual ~BlockDevices() = default;

    [[nodiscard]] virtual MountedDevice below(const BlockMount& mount) const = 0;
    /// In natural order of the nodes, partitions behind their disks.
    [[nodiscard]] virtual Result<std::vector<BlockDevice>> all() const = 0;
};

} // namespace frostline::system
