// SPDX-License-Identifier: Apache-2.0
#include "common/log.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>

namespace frostline::log {

namespace {

constexpr std::size_t ring_lines = 512;
constexpr std::size_t longest_held_line = 2048;

struct State {
    std::mutex mutex;
    Sink sink;
    Level threshold = Level::info;
    bool holding = false;
    std::deque<std::pair<Level, std::string>> ring;
    std::size_t dropped = 0;
};

State& state()
{
    // Never destroyed: threads left behind in the kernel may log while the process exits.
    static auto* const instance = new State;
    return *instance;
}

} // namespace

void set_sink(Sink sink)
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.sink = std::move(sink);
}

void set_threshold(Level level)
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.threshold = level;
}

void hold()
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.holding = true;
}

void release()
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.holding = false;
    if (s.sink) {
        if (s.dropped > 0) { // the oldest, so this comes first
            s.sink(Level::warning,
                   std::to_string(s.dropped) + " log lines dropped while file systems were frozen");
        }
        for (const auto& [level, line] : s.ring) {
            s.sink(level, line);
        }
    }
    s.ring.clear();
    s.dropped = 0;
}

void write(Level level, std::string line)
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    if (level > s.threshold) {
        return;
    }
    if (!s.holding) {
        if (s.sink) {
            s.sink(level, line);
        }
        return;
    }
    if (s.ring.size() == ring_lines) {
        s.ring.pop_front();
        ++s.dropped;
    }
    line.resize(std::min(line.size(), longest_held_line));
    s.ring.emplace_back(level, std::move(line));
}

namespace detail {

void append(std::string& line, std::string_view part)
{
    if (!line.empty()) {
        line += ": ";
    }
    line += part;
}

} // namespace detail

} // namespace frostline::log
