// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/wall_clock.hpp"

#include <functional>

namespace frostline::system {

/// The C library's idea of time and zone. It keeps the zone's rules in memory; they are looked up
/// again with each question, but not while `frozen()`, since they lie on a disk.
class LinuxWallClock : public WallClock {
public:
    explicit LinuxWallClock(std::function<bool()> frozen);

    [[nodiscard]] std::chrono::nanoseconds now() const override;
    [[nodiscard]] Result<TimeZone> time_zone() const override;

private:
    std::function<bool()> frozen_;
};

} // namespace frostline::system
