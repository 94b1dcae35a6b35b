// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

namespace {

template <typename C>
void freeze_all(freeze::Session& session, freeze::Request request,
                const rpc::Responder<C>& responder)
{
    request.unknown_mount_point_is_error = false;
    if (may_begin(session.status().state)) {
        responder.on_cancel([&session](const std::string& reason) { session.abandon(reason); });
    }
    session.freeze(std::move(request), [responder](Result<freeze::Frozen> frozen) {
        if (frozen) {
            responder(frozen->count);
        } else {
            responder(fail(std::move(frozen).error()));
        }
    });
}

} // namespace

void add_fsfreeze(rpc::Registry& registry, freeze::Session& session)
{
    rpc::bind<qapi::GuestFsfreezeStatus>(
        registry, [&session](const qapi::GuestFsfreezeStatus::Arguments&) {
            return Result<qapi::GuestFsfreezeState>{session.status().counts_as_frozen
                                                        ? qapi::GuestFsfreezeState::frozen
                                                        : qapi::GuestFsfreezeState::thawed};
        });
    rpc::bind_async<qapi::GuestFsfreezeFreeze>(
        registry, [&session](const qapi::GuestFsfreezeFreeze::Arguments&,
                             const rpc::Responder<qapi::GuestFsfreezeFreeze>& responder) {
            freeze_all(session, {}, responder);
        });
    rpc::bind_async<qapi::GuestFsfreezeFreezeList>(
        registry, [&session](qapi::GuestFsfreezeFreezeList::Arguments arguments,
                             const rpc::Responder<qapi::GuestFsfreezeFreezeList>& responder) {
            freeze::Request request;
            request.mount_points = std::move(arguments.mountpoints);
            freeze_all(session, std::move(request), responder);
        });
    rpc::bind_async<qapi::GuestFsfreezeThaw>(
        registry, [&session](const qapi::GuestFsfreezeThaw::Arguments&,
                             const rpc::Responder<qapi::GuestFsfreezeThaw>& responder) {
            session.thaw(std::nullopt, freeze::ThawWait::released,
                         [responder](Result<freeze::Thawed> thawed) {
                             if (thawed) {
                                 responder(thawed->count);
                             } else {
                                 responder(fail(std::move(thawed).error()));
                             }
                         });
        });
}

} // namespace frostline::commands
