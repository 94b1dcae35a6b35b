// SPDX-License-Identifier: Apache-2.0
#include "system/event_loop.hpp"

#include <ctime>

namespace frostline::system {

BootClock::time_point BootClock::now() noexcept
{
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time); // cannot fail with this clock and a valid pointer
    return time_point{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

} // namespace frostline::system
