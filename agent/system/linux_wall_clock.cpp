// SPDX-License-Identifier: Apache-2.0
#include "system/linux_wall_clock.hpp"

#include <cerrno>
#include <ctime>
#include <utility>

namespace frostline::system {

LinuxWallClock::LinuxWallClock(std::function<bool()> frozen) : frozen_(std::move(frozen))
{
    ::tzset(); // the first question may come while something is frozen
}

std::chrono::nanoseconds LinuxWallClock::now() const
{
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time); // cannot fail with this clock and a valid pointer
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

Result<TimeZone> LinuxWallClock::time_zone() const
{
    if (!frozen_()) {
        ::tzset(); // looks whether TZ or the file has changed; localtime_r() does not
    }
    const std::time_t now = std::chrono::duration_cast<std::chrono::seconds>(this->now()).count();
    std::tm local{};
    if (::localtime_r(&now, &local) == nullptr) {
        return fail(ErrorKind::io, "Couldn't retrieve local timezone", errno);
    }
    return TimeZone{local.tm_zone != nullptr ? local.tm_zone : "",
                    std::chrono::seconds{local.tm_gmtoff}};
}

} // namespace frostline::system
