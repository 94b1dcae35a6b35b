// SPDX-License-Identifier: Apache-2.0
#include "freeze/fs_kind.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <sys/sysmacros.h>

namespace frostline::freeze {

namespace {

constexpr std::array<std::string_view, 5> syncable{"zfs", "overlay", "aufs", "ecryptfs", "unionfs"};
constexpr std::array<std::string_view, 18> remote{
    "nfs", "nfs4",     "cifs",   "smb3",   "smbfs",     "ncpfs",  "ceph", "afs",      "coda",
    "9p",  "virtiofs", "autofs", "lustre", "glusterfs", "beegfs", "gpfs", "orangefs", "vboxsf"};
constexpr std::array<std::string_view, 4> memory{"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"};
constexpr std::array<std::string_view, 5> read_only_images{"squashfs", "iso9660", "erofs", "cramfs",
                                                           "romfs"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view type)
{
    return std::find(list.begin(), list.end(), type) != list.end();
}

} // namespace

FsKind classify(const system::Mount& mount)
{
    const std::string_view type = mount.type;
    // fuseblk has a block device, but it is a process of the guest that serves it.
    if (contains(remote, type) || type.substr(0, 4) == "fuse") {
        return FsKind::remote;
    }
    if (contains(syncable, type)) {
        return FsKind::syncable;
    }
    if (contains(memory, type)) {
        return FsKind::memory;
    }
    if (contains(read_only_images, type)) {
        return FsKind::nothing;
    }
    // btrfs and bcachefs span devices, so their superblock may have a number without a device.
    if (major(mount.device) != 0 || type == "btrfs" || type == "bcachefs") {
        return FsKind::freezable;
    }
    return FsKind::nothing;
}

} // namespace frostline::freeze
