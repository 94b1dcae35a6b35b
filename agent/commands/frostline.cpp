// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "commands/report_json.hpp"
#include "rpc/bind.hpp"

#include <utility>

namespace frostline::commands {

namespace {

/// The report of a freeze or thaw, or its error.
template <typename C, typename T>
auto with_report(const rpc::Responder<C>& responder)
{
    return [responder](Result<T> result) {
        if (result) {
            responder(to_wire(result->report));
        } else {
            responder(fail(std::move(result).error()));
        }
    };
}

Result<freeze::Request> request_from(qapi::FrostlineFreeze::Arguments arguments)
{
    freeze::Request request;
    request.id = std::move(arguments.id);
    if (arguments.deadline_ms) {
        if (*arguments.deadline_ms <= 0) {
            return fail(ErrorKind::invalid_argument,
                        "deadline-ms must be above 0: it shortens the configured limit");
        }
        request.deadline = std::chrono::milliseconds{*arguments.deadline_ms};
    }
    request.mount_points = std::move(arguments.mountpoints);
    request.exclude = std::move(arguments.exclude).value_or(std::vector<std::string>{});
    request.hooks = arguments.hooks.value_or(true);
    return request;
}

void freeze_now(freeze::Session& session, qapi::FrostlineFreeze::Arguments arguments,
                const rpc::Responder<qapi::FrostlineFreeze>& responder)
{
    Result<freeze::Request> request = request_from(std::move(arguments));
    if (!request) {
        responder(fail(std::move(request).error()));
        return;
    }
    if (may_begin(session.status().state)) {
        responder.on_cancel([&session](const std::string& reason) { session.abandon(reason); });
    }
    session.freeze(std::move(request).value(),
                   with_report<qapi::FrostlineFreeze, freeze::Frozen>(responder));
}

void list_hooks(const freeze::Session& session, hooks::Quiescer& quiescer, bool check,
                const rpc::Responder<qapi::FrostlineListHooks>& responder)
{
    if (check && session.status().state != freeze::State::idle) {
        responder(fail(ErrorKind::busy, "hooks cannot be checked while a freeze is in force: a "
                                        "check may load programs and write files"));
        return;
    }
    quiescer.list(check, [responder](Result<std::vector<hooks::HookListing>> listing) {
        if (!listing) {
            responder(fail(std::move(listing).error()));
            return;
        }
        responder(to_wire(*listing));
    });
}

} // namespace

void add_frostline(rpc::Registry& registry, freeze::Session& session, hooks::Quiescer& quiescer)
{
    rpc::bind_async<qapi::FrostlineFreeze>(
        registry, [&session](qapi::FrostlineFreeze::Arguments arguments,
                             const rpc::Responder<qapi::FrostlineFreeze>& responder) {
            freeze_now(session, std::move(arguments), responder);
        });
    rpc::bind_async<qapi::FrostlineThaw>(
        registry, [&session](qapi::FrostlineThaw::Arguments arguments,
                             const rpc::Responder<qapi::FrostlineThaw>& responder) {
            session.thaw(std::move(arguments.id), freeze::ThawWait::hooks,
                         with_report<qapi::FrostlineThaw, freeze::Thawed>(responder));
        });
    rpc::bind<qapi::FrostlineStatus>(registry, [&session](const qapi::FrostlineStatus::Arguments&) {
        return Result<qapi::FreezeStatus>{to_wire(session.status())};
    });
    rpc::bind_async<qapi::FrostlineListHooks>(
        registry, [&session, &quiescer](const qapi::FrostlineListHooks::Arguments& arguments,
                                        const rpc::Responder<qapi::FrostlineListHooks>& responder) {
            list_hooks(session, quiescer, arguments.check.value_or(false), responder);
        });
}

} // namespace frostline::commands
