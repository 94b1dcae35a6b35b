// SPDX-License-Identifier: Apache-2.0
#include "host/agent/thaw.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

constexpr Millis first_pause{50};
constexpr Millis longest_pause{1'000};

/// Whether the guest is free of our freeze. nullopt: it doesn't say.
std::optional<bool> is_thawed(AgentClient& agent, const std::optional<std::string>& id,
                              ThawOutcome& outcome)
{
    Result<GuestState> state = agent.state();
    if (!state) {
        outcome.last_problem = state.error().message();
        return std::nullopt;
    }
    if (state->last && (!id || state->last->id == *id)) {
        outcome.report = std::move(state->last);
    }
    if (!state->frozen) {
        return true;
    }
    // Somebody else's freeze; so ours is over.
    if (id && state->id && *state->id != *id) {
        return true;
    }
    outcome.last_problem = "the guest says '" + state->state + "'";
    return false;
}

/// One try. True when the thaw is confirmed.
bool try_thaw(AgentClient& agent, const std::optional<std::string>& id, ThawOutcome& outcome)
{
    Result<Answer<ThawResult>> answer = agent.thaw(id);
    if (!answer) {
        outcome.last_problem = answer.error().message();
        return is_thawed(agent, id, outcome).value_or(false);
    }
    if (!answer->good()) {
        if (!outcome.complaint) {
            outcome.complaint = answer->error().description;
        }
        outcome.last_problem = answer->error().description;
        return is_thawed(agent, id, outcome).value_or(false);
    }
    outcome.count = answer->value().count;
    if (answer->value().report) {
        outcome.report = answer->value().report;
        return true;
    }
    // qemu-ga counts and can't say whether that was everything, so ask. Its answer to the thaw
    // stands when the question gets lost.
    return is_thawed(agent, id, outcome).value_or(true);
}

} // namespace

ThawOutcome confirm_thaw(AgentClient& agent, Waiter& waiter, const std::optional<std::string>& id,
                         TimePoint give_up_at)
{
    const Shield shield{waiter};
    ThawOutcome outcome;
    Millis pause = first_pause;
    for (;;) {
        if (try_thaw(agent, id, outcome)) {
            outcome.confirmed = true;
            return outcome;
        }
        if (waiter.now() >= give_up_at) {
            return outcome;
        }
        if (const Result<void> paused = waiter.pause(pause); !paused) {
            outcome.last_problem = paused.error().message();
        }
        pause = std::min(pause * 2, longest_pause);
    }
}

} // namespace frostline::host
