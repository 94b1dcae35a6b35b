// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/mount_table.hpp"

#include <string>
#include <vector>

namespace frostline::system {

/// What a file system's block device is made of.
class BlockLayers {
public:
    virtual ~BlockLayers() = default;

    /// The files that hold the data of `mount`'s file system: the backing files of every loop
    /// device found below it, through device mapper, md, partitions and btrfs's several devices.
    /// Empty for one that sits on disks only. Reads sysfs; never opens a device. Workers only.
    [[nodiscard]] virtual Result<std::vector<std::string>> backing_files(const Mount& mount) = 0;
};

} // namespace frostline::system
