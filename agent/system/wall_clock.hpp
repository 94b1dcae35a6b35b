// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <string>

namespace frostline::system {

struct TimeZone {
    std::string name;            ///< in force now, such as CET
    std::chrono::seconds offset; ///< east of UTC
};

/// The time that people see. Loop thread only.
class WallClock {
public:
    virtual ~WallClock() = default;

    /// Since 1970-01-01 UTC.
    [[nodiscard]] virtual std::chrono::nanoseconds now() const = 0;
    /// Of `$TZ`, or of /etc/localtime when that is not set.
    [[nodiscard]] virtual Result<TimeZone> time_zone() const = 0;
};

} // namespace frostline::system
