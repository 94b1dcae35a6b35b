// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace frostline::system {

enum class FreezeOutcome {
    frozen,         ///< FIFREEZE succeeded: this call froze it
    already_frozen, ///< EBUSY: frozen before, by us through another mount, or by somebody else
    unsupported,    ///< EOPNOTSUPP or ENOTTY: the file system cannot freeze
};

enum class ThawOutcome {
    thawed,     ///< FITHAW succeeded
    not_frozen, ///< EINVAL: it was not frozen (any more)
};

/// What a mount point that has been opened really is.
struct OpenedMount {
    UniqueFd directory;
    dev_t device = 0;           ///< st_dev of the directory
    std::int64_t mount_id = -1; ///< from statx (STATX_MNT_ID, Linux 5.8) or -1 where unknown
};

/// The kernel's freezing calls. Every one may block for as long as the device likes: workers only.
/// Facts: ioctl_fsfreeze in Documentation/filesystems, fs/ioctl.c; FIFREEZE syncs first.
class FsControl {
public:
    virtual ~FsControl() = default;

    /// Opens a mount point for reading (O_DIRECTORY where it is one), close-on-exec.
    [[nodiscard]] virtual Result<OpenedMount> open_mount(const std::string& mount_point) = 0;
    /// syncfs(2): writes dirty data back without blocking anybody.
    [[nodiscard]] virtual Result<void> sync(const UniqueFd& directory) = 0;
    [[nodiscard]] virtual Result<FreezeOutcome> freeze(const UniqueFd& directory) = 0;
    [[nodiscard]] virtual Result<ThawOutcome> thaw(const UniqueFd& directory) = 0;
};

} // namespace frostline::system
