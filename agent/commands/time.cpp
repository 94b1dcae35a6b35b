// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

void add_time(rpc::Registry& registry, std::shared_ptr<const system::WallClock> clock)
{
    rpc::bind<qapi::GuestGetTime>(registry, [clock](const qapi::GuestGetTime::Arguments&) {
        return Result<std::int64_t>{clock->now().count()};
    });
    rpc::bind<qapi::GuestGetTimezone>(
        registry, [clock = std::move(clock)](const qapi::GuestGetTimezone::Arguments&) {
            Result<system::TimeZone> zone = clock->time_zone();
            if (!zone) {
                return Result<qapi::GuestTimezone>{fail(std::move(zone).error())};
            }
            qapi::GuestTimezone out;
            if (!zone->name.empty()) {
                out.zone = std::move(zone->name);
            }
            out.offset = zone->offset.count();
            return Result<qapi::GuestTimezone>{std::move(out)};
        });
}

} // namespace frostline::commands
