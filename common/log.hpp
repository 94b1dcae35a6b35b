// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

/// The log. Lines are held in a bounded ring in memory between hold() and release(), because while
/// a file system is frozen neither the log file nor the journal can be trusted not to block.
/// All functions may be called from any thread.
namespace frostline::log {

enum class Level { error, warning, info, debug };

/// Writes one finished line (no newline in it). Called with a lock held: must not log itself.
using Sink = std::function<void(Level, std::string_view line)>;

/// Where lines go; without one they are dropped.
void set_sink(Sink sink);
/// Lines less important than this are dropped. Default: info.
void set_threshold(Level level);

/// Keeps lines in memory (at most 512, then the oldest are dropped and counted) until release().
void hold();
/// Writes what was held, with a line saying how many were dropped, and goes back to direct writing.
void release();

void write(Level level, std::string line);

namespace detail {
void append(std::string& line, std::string_view part);
} // namespace detail

template <typename... Parts>
void write_parts(Level level, const Parts&... parts)
{
    std::string line;
    (detail::append(line, parts), ...);
    write(level, std::move(line));
}

/// The parts are joined with ": ".
template <typename... Parts>
void error(const Parts&... parts)
{
    write_parts(Level::error, parts...);
}
template <typename... Parts>
void warning(const Parts&... parts)
{
    write_parts(Level::warning, parts...);
}
template <typename... Parts>
void info(const Parts&... parts)
{
    write_parts(Level::info, parts...);
}
template <typename... Parts>
void debug(const Parts&... parts)
{
    write_parts(Level::debug, parts...);
}

} // namespace frostline::log
