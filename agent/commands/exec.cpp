// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"

#include "rpc/bind.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace frostline::commands {

namespace {

using system::Capture;

Capture capture_of(const std::optional<qapi::GuestExecCaptureOutput>& wanted)
{
    if (!wanted) {
        return Capture::none;
    }
    if (const bool* both = std::get_if<bool>(&wanted->value)) {
        return *both ? Capture::separated : Capture::none;
    }
    switch (std::get<qapi::GuestExecCaptureMode>(wanted->value)) {
    case qapi::GuestExecCaptureMode::stdout_:
        return Capture::output;
    case qapi::GuestExecCaptureMode::stderr_:
        return Capture::error;
    case qapi::GuestExecCaptureMode::separated:
        return Capture::separated;
    case qapi::GuestExecCaptureMode::merged:
        return Capture::merged;
    case qapi::GuestExecCaptureMode::none:
    case qapi::GuestExecCaptureMode::unrecognized:
        break;
    }
    return Capture::none;
}

system::ProgramRequest request_from(qapi::GuestExec::Arguments arguments)
{
    system::ProgramRequest request;
    request.path = std::move(arguments.path);
    request.arguments = std::move(arguments.arg).value_or(std::vector<std::string>{});
    request.environment = std::move(arguments.env);
    if (arguments.input_data) {
        request.input = std::move(arguments.input_data->data);
    }
    request.capture = capture_of(arguments.capture_output);
    return request;
}

qapi::GuestExecState to_wire(system::ProgramState state)
{
    qapi::GuestExecState out;
    out.exited = state.ended;
    if (state.exit_status) {
        out.exitcode = *state.exit_status;
    }
    if (state.signal) {
        out.signal = *state.signal;
    }
    if (!state.output.empty()) {
        out.out_data = qapi::Bytes{std::move(state.output)};
        out.out_truncated = state.output_cut;
    }
    if (!state.error.empty()) {
        out.err_data = qapi::Bytes{std::move(state.error)};
        out.err_truncated = state.error_cut;
    }
    return out;
}

} // namespace

void add_exec(rpc::Registry& registry, system::GuestPrograms& programs)
{
    rpc::bind_async<qapi::GuestExec>(
        registry, [&programs](qapi::GuestExec::Arguments arguments,
                              const rpc::Responder<qapi::GuestExec>& responder) {
            programs.start(
                request_from(std::move(arguments)), [responder](const Result<std::int64_t>& pid) {
                    responder(pid ? Result<qapi::GuestExecStarted>{{*pid}} : fail(pid.error()));
                });
        });
    rpc::bind<qapi::GuestExecStatus>(
        registry, [&programs](const qapi::GuestExecStatus::Arguments& arguments) {
            Result<system::ProgramState> state = programs.state(arguments.pid);
            return state ? Result<qapi::GuestExecState>{to_wire(std::move(state).value())}
                         : fail(std::move(state).error());
        });
}

} // namespace frostline::commands
