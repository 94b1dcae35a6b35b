// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <optional>
#include <utility>

namespace frostline::commands {

namespace {

Result<system::ShutdownMode> shutdown_mode(const std::optional<std::string>& mode)
{
    if (!mode || *mode == "powerdown") {
        return system::ShutdownMode::powerdown;
    }
    if (*mode == "halt") {
        return system::ShutdownMode::halt;
    }
    if (*mode == "reboot") {
        return system::ShutdownMode::reboot;
    }
    // Without the closing bracket, as qemu-ga has it.
    return fail(ErrorKind::invalid_argument,
                "mode is invalid (valid values are: halt|powerdown|reboot");
}

template <typename C>
void bind_suspend(rpc::Registry& registry, freeze::Session& session, system::Power& power,
                  system::SuspendMode mode)
{
    rpc::bind_async<C>(registry, [&session, &power, mode](const typename C::Arguments&,
                                                          const rpc::Responder<C>& responder) {
        // The policy keeps it from a guest that is frozen. While one is on its way there, a suspend
        // would let its deadline pass with file systems about to be frozen.
        if (session.status().state != freeze::State::idle) {
            return responder(
                fail(ErrorKind::busy, "the guest cannot be suspended while a freeze is under way"));
        }
        power.suspend(mode, rpc::answering(responder));
    });
}

} // namespace

void add_power(rpc::Registry& registry, freeze::Session& session, system::Power& power)
{
    rpc::bind_async<qapi::GuestShutdown>(
        registry, [&session, &power](const qapi::GuestShutdown::Arguments& arguments,
                                     const rpc::Responder<qapi::GuestShutdown>& responder) {
            const Result<system::ShutdownMode> mode = shutdown_mode(arguments.mode);
            if (!mode) {
                return responder(fail(mode.error()));
            }
            // The program would wait on what is frozen, and so would all that it stops.
            session.call_off("the guest was told to shut down", [&power, mode = *mode, responder] {
                power.shut_down(mode, rpc::answering(responder));
            });
        });
    bind_suspend<qapi::GuestSuspendDisk>(registry, session, power, system::SuspendMode::disk);
    bind_suspend<qapi::GuestSuspendRam>(registry, session, power, system::SuspendMode::ram);
    bind_suspend<qapi::GuestSuspendHybrid>(registry, session, power, system::SuspendMode::hybrid);
}

} // namespace frostline::commands
