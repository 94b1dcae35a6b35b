// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/cpus.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace frostline::system {

/// The `cpuN` lines of /proc/stat, in their order; `ticks_per_second` is sysconf(_SC_CLK_TCK). A
/// line with less than the four oldest columns is passed over, columns that are newer than ours
/// too.
[[nodiscard]] std::vector<CpuTimes> parse_cpu_times(std::string_view stat,
                                                    std::uint64_t ticks_per_second);

/// /proc/loadavg; nothing when it does not begin with three numbers.
[[nodiscard]] std::optional<LoadAverage> parse_load(std::string_view text);

} // namespace frostline::system
