// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "config/command_line.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace frostline::config {

/// What distributions let an administrator set for their qemu-ga service, in the order in which it
/// is applied. Debian: /etc/default/qemu-guest-agent; the Red Hat family and SUSE:
/// /etc/sysconfig/qemu-ga, by generation. Our unit reads both files into the environment.
inline constexpr std::array<const char*, 6> distribution_variables{
    "DAEMON_ARGS",     // options, as a shell splits them
    "TRANSPORT",       // METHOD:PATH
    "BLACKLIST_RPC",   // a list of commands
    "BLOCK_RPCS",      // the same, later
    "FILTER_RPC_ARGS", // options, as a shell splits them
    "FSFREEZE_HOOK_PATHNAME",
};

struct DistributionDefaults {
    std::vector<CommandLine> lines; ///< to be applied in order, before the real command line
    std::vector<std::string> notes; ///< what was passed over, for the log
};

/// Reads the variables through `value_of`, which gives nullptr for one that isn't set. Options are
/// parsed as on the command line, and old names (--blacklist) are understood. An error names the
/// variable. Not thread-safe, as parse_command_line() is not.
[[nodiscard]] Result<DistributionDefaults>
distribution_defaults(const std::function<const char*(const char* name)>& value_of);

} // namespace frostline::config
