// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::system {

/// One line of /proc/diskstats (Documentation/admin-guide/iostats.rst): counted since the device
/// is there. Sectors are 512 bytes, ticks milliseconds. How many of them there are depends on the
/// kernel's version.
struct DiskStats {
    std::string name;
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::optional<std::uint64_t> read_ios;
    std::optional<std::uint64_t> read_merges;
    std::optional<std::uint64_t> read_sectors;
    std::optional<std::uint64_t> read_ticks;
    std::optional<std::uint64_t> write_ios;
    std::optional<std::uint64_t> write_merges;
    std::optional<std::uint64_t> write_sectors;
    std::optional<std::uint64_t> write_ticks;
    std::optional<std::uint64_t> ios_in_progress;
    std::optional<std::uint64_t> total_ticks;
    std::optional<std::uint64_t> weight_ticks;
    std::optional<std::uint64_t> discard_ios; ///< this and the next three: since Linux 4.18
    std::optional<std::uint64_t> discard_merges;
    std::optional<std::uint64_t> discard_sectors;
    std::optional<std::uint64_t> discard_ticks;
    std::optional<std::uint64_t> flush_ios; ///< this and the next: since Linux 5.5
    std::optional<std::uint64_t> flush_ticks;
};

/// In the text's order. A line without number, number and name is left out. Pure.
[[nodiscard]] std::vector<DiskStats> parse_disk_stats(std::string_view text);

} // namespace frostline::system
