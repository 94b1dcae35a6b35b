// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "qapi/commands.hpp"
#include "rpc/registry.hpp"

#include <functional>
#include <string>
#include <utility>

/// Binds handlers to the generated commands: what a handler takes and gives is checked by the
/// compiler, decoding and encoding happen here.
namespace frostline::rpc {

/// Answers one request of a command that takes its time. Copies answer the same request; the first
/// answer counts.
template <typename C>
class Responder {
public:
    explicit Responder(Call call) : call_(std::move(call)) {}

    void operator()(Result<typename C::Return> result) const
    {
        if (result) {
            call_.complete(qapi::encode(*result));
        } else {
            call_.complete(fail(std::move(result).error()));
        }
    }
    /// See Call::on_cancel().
    void on_cancel(Call::Cancel action) const { call_.on_cancel(std::move(action)); }

private:
    Call call_;
};

/// For a command without a return value: what takes the outcome of its work and answers.
template <typename C>
[[nodiscard]] auto answering(const Responder<C>& responder)
{
    return [responder](Result<void> result) {
        responder(result ? Result<qapi::Empty>{qapi::Empty{}} : fail(std::move(result).error()));
    };
}

namespace detail {

template <typename C>
Command describe(Resync resync)
{
    Command command;
    command.name = C::name;
    command.success_response = C::success_response;
    command.allowed_while_frozen = C::allowed_while_frozen;
    command.never_blocked_while_frozen = C::never_blocked_while_frozen;
    command.immediate = C::immediate;
    command.resync = resync;
    return command;
}

} // namespace detail

/// A command that takes its time: `handler(arguments, responder)`.
template <typename C, typename Handler>
void bind_async(Registry& registry, Handler handler)
{
    Command command = detail::describe<C>(Resync::no);
    command.run = [handler = std::move(handler)](const json::Value& given, Call call) {
        Result<typename C::Arguments> arguments = qapi::decode_arguments<C>(given);
        if (!arguments) {
            call.complete(fail(std::move(arguments).error()));
            return;
        }
        handler(std::move(arguments).value(), Responder<C>{std::move(call)});
    };
    registry.add(std::move(command));
}

/// A command that is answered at once: `Result<Return> handler(arguments)`.
template <typename C, typename Handler>
void bind(Registry& registry, Handler handler, Resync resync = Resync::no)
{
    Command command = detail::describe<C>(resync);
    command.run = [handler = std::move(handler)](const json::Value& given, Call call) {
        Result<typename C::Arguments> arguments = qapi::decode_arguments<C>(given);
        if (!arguments) {
            call.complete(fail(std::move(arguments).error()));
            return;
        }
        Responder<C>{std::move(call)}(handler(std::move(arguments).value()));
    };
    registry.add(std::move(command));
}

} // namespace frostline::rpc
