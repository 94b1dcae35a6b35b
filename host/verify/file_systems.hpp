// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/verify/disk_reader.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// A file system on a disk, or what lies in its place.
struct FoundFilesystem {
    std::uint64_t offset = 0; ///< in bytes, from the start of the disk
    std::string type;         ///< ext4 (also 2 and 3), xfs, btrfs, swap, LVM, LUKS
    std::string state;        ///< in words
    bool at_rest = true;      ///< false: a journal has to be replayed, or it has errors
};

/// Looks where file systems begin: on the whole disk, else in its partitions (GPT, or the four of
/// an MBR). Facts: UEFI 2.10 section 5.3; the kernel's ext4, xfs and btrfs on-disk formats.
[[nodiscard]] Result<std::vector<FoundFilesystem>> find_filesystems(DiskReader& disk);

} // namespace frostline::host
