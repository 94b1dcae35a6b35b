// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/mount_table.hpp"

namespace frostline::freeze {

/// What a file system's type says about freezing it, without touching it.
enum class FsKind {
    freezable, ///< on a block device, or btrfs; whether the kernel agrees, FIFREEZE tells
    syncable,  ///< local but cannot freeze (ZFS, overlay): written back with syncfs
    remote,    ///< network, FUSE, 9p: never opened, its server may be gone and the open never end
    memory,    ///< tmpfs and its like: nothing on a disk, but may be named in a request
    nothing,   ///< the kernel's own (proc, sysfs, ...) and image types that are never written
};

[[nodiscard]] FsKind classify(const system::Mount& mount);

} // namespace frostline::freeze
