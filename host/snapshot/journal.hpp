// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/snapshot/image_files.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::host {

/// What a method is about to make for one disk.
struct JournalDisk {
    std::string label;
    std::string base;   ///< the image that the guest uses
    std::string target; ///< the new file
    std::string node;   ///< its block node, where we choose one
};

/// Written down before each step that leaves something behind, so that another run can finish what
/// this one didn't: whom it has frozen, and what it was about to make.
struct Journal {
    std::string guest;
    std::optional<std::string> connect; ///< libvirt's URI
    std::optional<std::string> socket;
    std::optional<std::string> qmp;
    std::string freeze_id;
    std::string method;
    std::string name;        ///< of the snapshot
    std::string description; ///< path; empty until it is known, or where there is none
    std::string jobs;        ///< what the names of its jobs begin with
    std::string mark;        ///< its dirty bitmaps, or its checkpoint
    std::vector<JournalDisk> disks;
};

/// What a method knows when it has planned, before it makes anything. An error ends the run.
using OnPlan = std::function<Result<void>(std::vector<JournalDisk> disks, std::string description,
                                          std::string jobs, std::string mark)>;

[[nodiscard]] std::string write_journal(const Journal& journal);
/// Errors: invalid_argument.
[[nodiscard]] Result<Journal> read_journal(std::string_view text);

/// From a file that nobody else can have written: it says what is removed. Errors: permission, and
/// those of reading it.
[[nodiscard]] Result<Journal> load_journal(ImageFiles& files, const std::string& path);

} // namespace frostline::host
