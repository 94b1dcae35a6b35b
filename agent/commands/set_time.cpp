// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <chrono>
#include <ctime>

namespace frostline::commands {

namespace {

/// Refuses what a real-time clock with two digits for the year cannot keep, as qemu-ga does.
Result<std::chrono::microseconds> checked_time(std::int64_t nanoseconds)
{
    const std::time_t seconds = nanoseconds / 1'000'000'000;
    std::tm local{};
    constexpr int first_year = 70; // counted from 1900
    constexpr int last_year = 169;
    if (::localtime_r(&seconds, &local) == nullptr || local.tm_year < first_year ||
        local.tm_year > last_year) {
        return fail(ErrorKind::invalid_argument, "Invalid time");
    }
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::nanoseconds{nanoseconds});
}

} // namespace

void add_set_time(rpc::Registry& registry, system::ClockSetter& clock)
{
    rpc::bind_async<qapi::GuestSetTime>(
        registry, [&clock](const qapi::GuestSetTime::Arguments& arguments,
                           const rpc::Responder<qapi::GuestSetTime>& responder) {
            const auto answer = rpc::answering(responder);
            if (!arguments.time) {
                return clock.set_from_hardware(answer);
            }
            const Result<std::chrono::microseconds> time = checked_time(*arguments.time);
            if (!time) {
                return answer(fail(time.error()));
            }
            clock.set(*time, answer);
        });
}

} // namespace frostline::commands
