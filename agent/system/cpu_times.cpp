// SPDX-License-Identifier: Apache-2.0
#include "system/cpu_times.hpp"

#include "system/words.hpp"

#include <array>
#include <charconv>

namespace frostline::system {

namespace {

/// Like ticks * 1000 / per_second, without the overflow.
CpuTime from_ticks(std::uint64_t ticks, std::uint64_t per_second)
{
    return CpuTime{ticks / per_second * 1000 + ticks % per_second * 1000 / per_second};
}

std::optional<CpuTimes> parse_line(const std::vector<std::string_view>& columns,
                                   std::uint64_t ticks_per_second)
{
    constexpr std::string_view prefix = "cpu";
    if (columns.size() < 5 || columns[0].rfind(prefix, 0) != 0) {
        return std::nullopt;
    }
    const auto cpu = number<std::int64_t>(columns[0].substr(prefix.size()));
    if (!cpu) {
        return std::nullopt; // "cpu": the sum of all
    }
    std::array<std::optional<CpuTime>, 10> times;
    for (std::size_t at = 0; at < times.size() && at + 1 < columns.size(); ++at) {
        if (const auto ticks = number<std::uint64_t>(columns[at + 1])) {
            times[at] = from_ticks(*ticks, ticks_per_second);
        }
    }
    if (!times[0] || !times[1] || !times[2] || !times[3]) {
        return std::nullopt;
    }
    return CpuTimes{*cpu,     *times[0], *times[1], *times[2], *times[3], times[4],
                    times[5], times[6],  times[7],  times[8],  times[9]};
}

} // namespace

std::vector<CpuTimes> parse_cpu_times(std::string_view stat, std::uint64_t ticks_per_second)
{
    std::vector<CpuTimes> found;
    while (!stat.empty()) {
        const std::string_view line = take_line(stat);
        if (line.rfind("cpu", 0) != 0) {
            continue; // the line of interrupts alone has thousands of words
        }
        if (const auto times = parse_line(words(line), ticks_per_second)) {
            found.push_back(*times);
        }
    }
    return found;
}

std::optional<LoadAverage> parse_load(std::string_view text)
{
    const std::vector<std::string_view> columns = words(text.substr(0, text.find('\n')));
    std::array<double, 3> loads{};
    if (columns.size() < loads.size()) {
        return std::nullopt;
    }
    for (std::size_t at = 0; at < loads.size(); ++at) {
        const char* end = columns[at].data() + columns[at].size();
        const auto [stop, error] = std::from_chars(columns[at].data(), end, loads[at]);
        if (error != std::errc{} || stop != end) {
            return std::nullopt;
        }
    }
    return LoadAverage{loads[0], loads[1], loads[2]};
}

} // namespace frostline::system
