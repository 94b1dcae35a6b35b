// SPDX-License-Identifier: Apache-2.0
#include "system/disk_stats.hpp"

#include "common/text.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace frostline::system {

namespace {

using Counter = std::optional<std::uint64_t> DiskStats::*;

constexpr std::size_t first_counter = 3; // after major, minor and name

/// In the order of the columns. A kernel has all of the first group, and more whole groups after.
constexpr std::array<Counter, 17> columns{
    &DiskStats::read_ios,       &DiskStats::read_merges,     &DiskStats::read_sectors,
    &DiskStats::read_ticks,     &DiskStats::write_ios,       &DiskStats::write_merges,
    &DiskStats::write_sectors,  &DiskStats::write_ticks,     &DiskStats::ios_in_progress,
    &DiskStats::total_ticks,    &DiskStats::weight_ticks,    &DiskStats::discard_ios,
    &DiskStats::discard_merges, &DiskStats::discard_sectors, &DiskStats::discard_ticks,
    &DiskStats::flush_ios,      &DiskStats::flush_ticks};
constexpr std::array<std::size_t, 3> group_ends{11, 15, 17};

/// What partitions had before Linux 2.6.25.
constexpr std::array<Counter, 4> old_columns{&DiskStats::read_ios, &DiskStats::read_sectors,
                                             &DiskStats::write_ios, &DiskStats::write_sectors};

std::optional<std::uint64_t> number(std::string_view text)
{
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<DiskStats> parse_line(std::string_view line)
{
    const std::vector<std::string> words = text::split(line, ' ');
    if (words.size() < first_counter) {
        return std::nullopt;
    }
    const auto major = number(words[0]);
    const auto minor = number(words[1]);
    if (!major || !minor) {
        return std::nullopt;
    }
    DiskStats stats;
    stats.name = words[2];
    stats.major = *major;
    stats.minor = *minor;
    const std::size_t counters = words.size() - first_counter;
    if (counters == old_columns.size()) {
        for (std::size_t i = 0; i < counters; ++i) {
            stats.*old_columns[i] = number(words[first_counter + i]);
        }
        return stats;
    }
    std::size_t known = 0;
    for (const std::size_t end : group_ends) {
        known = counters >= end ? end : known;
    }
    for (std::size_t i = 0; i < known; ++i) {
        stats.*columns[i] = number(words[first_counter + i]);
    }
    return stats;
}

} // namespace

std::vector<DiskStats> parse_disk_stats(std::string_view text)
{
    std::vector<DiskStats> result;
    for (const std::string& line : text::split(text, '\n')) {
        if (auto stats = parse_line(line)) {
            result.push_back(*std::move(stats));
        }
    }
    return result;
}

} // namespace frostline::system
