// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/fs_control.hpp"

namespace frostline::system {

/// The kernel's own calls. Has no state: any number of workers may use one object.
class LinuxFsControl : public FsControl {
public:
    /// A mount point that is a file (a bind mount of one) must be a regular file: opening a device
    /// node or a FIFO may have effects of its own, so those are an unsupported error.
    [[nodiscard]] Result<OpenedMount> open_mount(const std::string& mount_point) override;
    [[nodiscard]] Result<void> sync(const UniqueFd& directory) override;
    [[nodiscard]] Result<FreezeOutcome> freeze(const UniqueFd& directory) override;
    [[nodiscard]] Result<ThawOutcome> thaw(const UniqueFd& directory) override;
};

} // namespace frostline::system
