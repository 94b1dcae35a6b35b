// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "freeze/session.hpp"
#include "freeze/settings.hpp"
#include "system/block_layers.hpp"
#include "system/mount_table.hpp"

#include <map>
#include <string>
#include <vector>

namespace frostline::freeze {

enum class Action {
    freeze,
    sync, ///< written back only; PlannedFs::reason says why
};

/// One superblock, under the mount point through which it is opened.
struct PlannedFs {
    system::Mount mount;
    std::vector<std::string> mount_points; ///< all visible ones, the chosen one first
    Action action = Action::freeze;
    std::string reason;
    int wave = 0; ///< wave 0 is frozen first; those of one wave at the same time
};

struct LeftOut {
    std::string mount_point;
    std::string type;
    std::string device;
    std::string reason;
};

struct Plan {
    std::vector<PlannedFs> filesystems; ///< by wave; inside a wave the latest mounted first
    std::vector<LeftOut> left_out;      ///< what a user may miss; the kernel's own are not listed
    std::vector<std::string> remote;    ///< every mount point that must not be touched
};

/// Loop backing files by superblock device number (system::BlockLayers).
using BackingFiles = std::map<dev_t, std::vector<system::BackingFile>>;

/// Which file systems to freeze, in which order, and what is left out for which reason. Pure.
/// - Each superblock counts once: bind mounts and btrfs subvolumes are one file system.
/// - Read-only ones are frozen, too: it costs nothing, keeps them from being remounted writable in
///   the middle of a snapshot, and hosts know this count from qemu-ga.
/// - `exclude` and `sync_only` are judged by a file system's first mount point in the table.
/// - What lies on another file system through a loop device is frozen in an earlier wave.
/// Errors: an unknown mount point in the request (unless that is tolerated), and file systems that
/// lie on each other in a circle.
[[nodiscard]] Result<Plan> make_plan(const std::vector<system::Mount>& mounts,
                                     const BackingFiles& backing, const Settings& settings,
                                     const Request& request);

} // namespace frostline::freeze
