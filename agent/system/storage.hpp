// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/block_devices.hpp"
#include "system/block_mounts.hpp"
#include "system/disk_stats.hpp"
#include "system/nvme_smart.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace frostline::system {

/// Bytes.
struct FsSpace {
    std::uint64_t used = 0;
    std::uint64_t total = 0;            ///< for ordinary users: used and what is free for them
    std::uint64_t total_privileged = 0; ///< with what is kept for root
};

/// What the kernel said of a trim, in bytes.
struct Trimmed {
    std::uint64_t bytes = 0;   ///< given back to the device, as far as the file system counts
    std::uint64_t minimum = 0; ///< the shortest range it looked at
};

/// The guest's mounted file systems and block devices. All calls block: workers only. mounts(),
/// below(), devices() and stats() look into /proc, /sys and /run only; the others wait for a file
/// system or a device, space() and smart() for as long as that is hung.
class Storage {
public:
    virtual ~Storage() = default;

    /// See block_mounts().
    [[nodiscard]] virtual Result<std::vector<BlockMount>> mounts() = 0;
    [[nodiscard]] virtual MountedDevice below(const BlockMount& mount) = 0;
    [[nodiscard]] virtual Result<std::vector<BlockDevice>> devices() = 0;
    [[nodiscard]] virtual Result<std::vector<DiskStats>> stats() = 0;

    /// statvfs(3). Opens nothing, and does not wait while the file system is frozen.
    [[nodiscard]] virtual Result<FsSpace> space(const std::string& mount_point) = 0;
    /// NVME_IOCTL_ADMIN_CMD on a disk's node.
    [[nodiscard]] virtual Result<NvmeSmart> smart(const std::string& node) = 0;
    /// FITRIM over the whole file system. May take minutes. The errors' texts are the protocol's.
    [[nodiscard]] virtual Result<Trimmed> trim(const std::string& mount_point,
                                               std::uint64_t minimum) = 0;
};

} // namespace frostline::system
