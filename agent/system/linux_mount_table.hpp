// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/mount_table.hpp"

#include <string>
#include <utility>

namespace frostline::system {

/// Reads mountinfo through libmount, which decodes its escapes. Nothing but that file is opened.
class LinuxMountTable : public MountTable {
public:
    /// `file` is in mountinfo's format (proc(5)); tests give samples.
    explicit LinuxMountTable(std::string file = "/proc/self/mountinfo") : file_(std::move(file)) {}

    /// A line that cannot be read is an error: a file system left out by mistake would not be
    /// frozen, and nobody would know.
    [[nodiscard]] Result<std::vector<Mount>> read() override;

private:
    std::string file_;
};

} // namespace frostline::system
