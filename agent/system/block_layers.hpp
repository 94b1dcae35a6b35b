// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/mount_table.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace frostline::system {

/// The file behind a loop device.
struct BackingFile {
    std::string path; ///< as the kernel tells it: from the root of the mount it was opened through,
                      ///< which may be detached by now, or in another mount namespace
    dev_t filesystem = 0; ///< the file's st_dev, 0 when it can't be learned. On btrfs this is the
                          ///< subvolume's number, which the mount table doesn't have
};

/// What a file system's block device is made of.
class BlockLayers {
public:
    virtual ~BlockLayers() = default;

    /// The files that hold the data of `mount`'s file system: the backing files of every loop
    /// device found below it, through device mapper, md, partitions and btrfs's several devices.
    /// Empty for one that sits on disks only. Reads sysfs, and asks loop devices
    /// (LOOP_GET_STATUS64), which touches no disk; no other device is opened. Workers only.
    [[nodiscard]] virtual Result<std::vector<BackingFile>> backing_files(const Mount& mount) = 0;
};

} // namespace frostline::system
