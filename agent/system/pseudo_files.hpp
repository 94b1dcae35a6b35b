// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace frostline::system {

/// The small texts that the kernel makes in /proc and /sys, and that services keep in /run. None of
/// them lies on a disk, so that they can be read while file systems are frozen. Paths and messages
/// are those of a running system; tests put a folder of their own in front. Any thread.
class PseudoFiles {
public:
    explicit PseudoFiles(std::string root = {}) : root_(std::move(root)) {}

    /// The whole text. Errors: `open("PATH"): WHY`, `pread("PATH"): WHY`, as qemu-ga words them;
    /// more than 16 MiB is an unsupported error (no reply could hold what is made of it).
    [[nodiscard]] Result<std::string> read(const std::string& path) const;
    /// Writes into a file that exists, in one call, as sysfs wants it. Errors: `open("PATH"): WHY`,
    /// `pwrite("PATH"): WHY`.
    [[nodiscard]] Result<void> write(const std::string& path, std::string_view text) const;
    /// The entries of a folder but `.` and `..`, sorted by bytes. Errors: `open("PATH"): WHY`.
    [[nodiscard]] Result<std::vector<std::string>> names(const std::string& folder) const;
    /// Only asks whether the folder could be opened. Errors: `open("PATH"): WHY`.
    [[nodiscard]] Result<void> open_folder(const std::string& folder) const;

private:
    std::string root_;
};

/// The numbers N of those names that are PREFIX followed by nothing but N in decimal, ascending.
[[nodiscard]] std::vector<std::uint64_t> numbers_after(std::string_view prefix,
                                                       const std::vector<std::string>& names);

/// Whether something was there a moment ago and is gone now: the kernel says ENOENT when a name in
/// sysfs is gone, and ENODEV or ENXIO when the thing behind an open file is.
[[nodiscard]] bool has_vanished(const Error& error);

} // namespace frostline::system
