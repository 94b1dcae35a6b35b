// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/mount_table.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace frostline::system {

/// A file system on a block device, as hosts are told of it.
struct BlockMount {
    Mount mount;      ///< the first one in the table, whose mount point names it
    dev_t device = 0; ///< of the block device, also for btrfs
    /// A mount point through which it can be opened; nullopt where later mounts cover all of them,
    /// so that opening one would open another file system.
    std::optional<std::string> reachable_at;
};

/// The number of a block device's node; nullopt when the path is none.
using DeviceNumber = std::function<std::optional<dev_t>(const std::string& path)>;

/// The file systems of a mount table that have a block device, each device once, in the table's
/// order. Device number 0:N means none (tmpfs, NFS, overlay, ZFS, FUSE without a device), but for
/// btrfs, which may span devices: there `number_of` the mount's source counts. Pure.
[[nodiscard]] std::vector<BlockMount> block_mounts(const std::vector<Mount>& mounts,
                                                   const DeviceNumber& number_of);

} // namespace frostline::system
