// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace frostline::system {

/// One line of /proc/self/mountinfo (proc(5)), escapes decoded.
struct Mount {
    int id = 0;
    int parent_id = 0;
    std::string mount_point;
    std::string root;   ///< the part of the file system that is mounted; "/" unless a bind mount
    std::string type;   ///< "ext4", "fuse.sshfs", ...
    std::string source; ///< "/dev/vda1", "tmpfs", ...
    dev_t device = 0;   ///< of the superblock; major 0 where there is no block device (and btrfs)
    bool read_only = false; ///< the superblock, not only this mount
};

/// Reads the mount table of the agent's own namespace without touching any mount point.
class MountTable {
public:
    virtual ~MountTable() = default;

    /// In the table's order: parents before children. May block: workers or start-up only.
    [[nodiscard]] virtual Result<std::vector<Mount>> read() = 0;
};

} // namespace frostline::system
