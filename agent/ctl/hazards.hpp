// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/plan.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

/// What around a guest can make a freeze fail, hang its users or not hold what it promises. Looked
/// for in files of the kernel's only; nothing is changed and no mount point is touched.
namespace frostline::ctl {

struct Hazard {
    std::string kind;   ///< one word or two with a hyphen, for scripts
    std::string text;   ///< what was found, and what it does in a freeze
    std::string advice; ///< what the administrator can do
};

/// Where the kernel tells what is there. Tests point them elsewhere.
struct ScanRoots {
    std::string proc = "/proc";
    std::string sys = "/sys";
    std::string audit_log = "/var/log/audit/audit.log";
};

/// A process that the kernel asks before others may open or read files.
struct PermissionListener {
    std::vector<dev_t> devices; ///< of whole file systems or single files
    std::vector<int> mount_ids; ///< of mounts
};

/// From one file of /proc/PID/fdinfo; nullopt when that is no fanotify group that is asked.
/// Source: proc(5), "fanotify" lines; masks from fanotify_mark(2).
[[nodiscard]] std::optional<PermissionListener> parse_fanotify(std::string_view fdinfo);

/// The files in /proc/swaps (partitions left out), escapes decoded.
[[nodiscard]] std::vector<std::string> parse_swap_files(std::string_view swaps);

/// How many lines of an audit log tell that something was denied to the agent; the last of them.
struct Denials {
    std::size_t count = 0;
    std::string last;
};
[[nodiscard]] Denials count_denials(std::string_view audit_log);

/// All that is found. `mounts`: the table that the plan was made from.
[[nodiscard]] std::vector<Hazard> scan_hazards(const ScanRoots& roots, const freeze::Plan& plan,
                                               const std::vector<system::Mount>& mounts);

} // namespace frostline::ctl
