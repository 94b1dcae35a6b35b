// SPDX-License-Identifier: Apache-2.0
#include "common/text.hpp"
#include "host/verbs.hpp"

namespace frostline::host {

namespace {

constexpr Millis first_pause{20};
constexpr Millis longest_pause{500};

std::string ending(const ExecState& state)
{
    if (state.signal) {
        return "the program was ended by signal " + std::to_string(*state.signal);
    }
    return "the program ended with status " + std::to_string(state.exit_status.value_or(-1));
}

} // namespace

Outcome run_exec(const Options& options, AgentClient& agent, Waiter& waiter, Progress& progress)
{
    const Result<std::int64_t> pid = agent.exec(options.command);
    if (!pid) {
        const bool refused = pid.error().kind() == ErrorKind::command_not_found;
        return failed(refused ? ExitStatus::usage : ExitStatus::snapshot_failed,
                      "exec: " + pid.error().message());
    }
    progress.phase("running, process " + std::to_string(*pid) + " in the guest");
    const std::optional<TimePoint> until =
        options.timeout ? std::optional{waiter.now() + *options.timeout} : std::nullopt;
    Millis pause = first_pause;
    for (;;) {
        const Result<ExecState> state = agent.exec_state(*pid);
        if (!state) {
            return failed(ExitStatus::unreachable,
                          "process " + std::to_string(*pid) + ": " + state.error().message());
        }
        if (state->exited) {
            progress.done();
            Outcome outcome;
            outcome.text = state->output;
            outcome.errors = state->errors;
            outcome.details.set("pid", *pid);
            if (state->exit_status) {
                outcome.details.set("program-status", *state->exit_status);
            }
            if (state->signal) {
                outcome.details.set("program-signal", *state->signal);
            }
            outcome.details.set("output", text::printable_lines(state->output, 16U << 20U));
            outcome.details.set("errors", text::printable_lines(state->errors, 16U << 20U));
            outcome.details.set("truncated", state->truncated);
            if (state->exit_status != 0) {
                outcome.status = ExitStatus::not_consistent;
                outcome.problem = ending(*state);
            }
            return outcome;
        }
        if (until && waiter.now() >= *until) {
            return failed(ExitStatus::unreachable, "process " + std::to_string(*pid) +
                                                       " still runs in the guest; nobody "
                                                       "here waits for it any more");
        }
        if (const Result<void> paused = waiter.pause(pause); !paused) {
            return failed(ExitStatus::unreachable,
                          "process " + std::to_string(*pid) +
                              " goes on in the guest: " + paused.error().message());
        }
        pause = std::min(pause * 2, longest_pause);
    }
}

} // namespace frostline::host
