// SPDX-License-Identifier: Apache-2.0
#include "host/verbs.hpp"

#include "common/duration.hpp"
#include "common/table.hpp"
#include "common/text.hpp"
#include "host/agent/report_table.hpp"
#include "host/agent/thaw.hpp"

#include <array>
#include <cstdio>
#include <random>

namespace frostline::host {

namespace {

std::string kind_of(const AgentIdentity& identity)
{
    return (identity.frostline ? "Frostline " : "qemu-ga ") + identity.version;
}

Outcome ping(AgentClient& agent, const AgentIdentity& identity)
{
    if (const Result<void> answered = agent.ping(); !answered) {
        return failed(ExitStatus::unreachable, answered.error().message());
    }
    Outcome outcome;
    outcome.text = "the guest agent answers: " + kind_of(identity) + "\n";
    return outcome;
}

Outcome info(const Options& options, const AgentIdentity& identity)
{
    Outcome outcome;
    outcome.text =
        format_table({{"guest", text::printable(options.guest)},
                      {"agent", kind_of(identity)},
                      {"commands", std::to_string(identity.commands.size()) + " enabled"}});
    for (const std::string& command : identity.commands) {
        outcome.text += "  " + command + "\n";
    }
    json::Array commands;
    for (const std::string& command : identity.commands) {
        commands.emplace_back(command);
    }
    outcome.details.set("commands", std::move(commands));
    return outcome;
}

Outcome status(const Options& options, AgentClient& agent, const AgentIdentity& identity)
{
    const Result<GuestState> state = agent.state();
    if (!state) {
        return failed(ExitStatus::unreachable, state.error().message());
    }
    std::vector<std::vector<std::string>> rows{{"guest", text::printable(options.guest)},
                                               {"agent", kind_of(identity)},
                                               {"state", state->state}};
    if (state->id) {
        rows.push_back({"freeze id", *state->id});
    }
    if (state->deadline_remaining) {
        rows.push_back({"thaws itself in", format_duration(*state->deadline_remaining)});
    }
    Outcome outcome;
    if (state->last && !state->frozen) {
        rows.push_back({"last freeze", state->last->outcome + ", frozen for " +
                                           format_duration(state->last->frozen)});
    }
    outcome.text = format_table(rows);
    if (state->last) {
        outcome.text += format_report(*state->last);
    }
    outcome.details.set("status", state->document);
    return outcome;
}

Outcome hooks(const Options& options, AgentClient& agent)
{
    if (!agent.frostline()) {
        return failed(ExitStatus::usage, "the guest runs a plain qemu-ga, which can't tell its "
                                         "hooks; install frostline-agent in the guest");
    }
    const Result<std::vector<HookEntry>> entries = agent.hooks(options.check);
    if (!entries) {
        return failed(ExitStatus::unreachable, entries.error().message());
    }
    Outcome outcome;
    if (entries->empty()) {
        outcome.text = "no hooks\n";
    }
    std::vector<std::vector<std::string>> rows{{"STAGE", "HOOK", "TYPE", "STATE", "REMARK"}};
    json::Array list;
    for (const HookEntry& entry : *entries) {
        rows.push_back({std::to_string(entry.stage), entry.name, entry.type, entry.state,
                        entry.check.empty() ? entry.reason : "check: " + entry.check});
        list.push_back(entry.document);
    }
    if (!entries->empty()) {
        outcome.text = format_table(rows);
    }
    outcome.details.set("hooks", std::move(list));
    return outcome;
}

/// After a freeze by hand that has no clear end.
Outcome undo_freeze(AgentClient& agent, Waiter& waiter, const std::string& id, std::string problem)
{
    const ThawOutcome undone =
        confirm_thaw(agent, waiter, agent.frostline() ? std::optional{id} : std::nullopt,
                     waiter.now() + agent.limits().recovery);
    if (!undone.confirmed) {
        return failed(ExitStatus::thaw_unconfirmed,
                      problem + "; the thaw is NOT confirmed (" + undone.last_problem + ")");
    }
    return failed(ExitStatus::freeze_failed, problem + "; the guest is thawed");
}

Outcome freeze(const Options& options, AgentClient& agent, Waiter& waiter, Progress& progress)
{
    if (options.deadline && !agent.frostline()) {
        return failed(ExitStatus::usage,
                      "--deadline: the guest runs a plain qemu-ga, which never thaws by itself; "
                      "leave the option out, and thaw in every case");
    }
    progress.phase("freezing the guest");
    const std::string id = new_freeze_id();
    const Result<Answer<FreezeResult>> answer = agent.freeze({id, options.deadline});
    progress.done();
    if (!answer) {
        return undo_freeze(agent, waiter, id, "freeze: " + answer.error().message());
    }
    if (!answer->good()) {
        return failed(ExitStatus::freeze_failed, "freeze: " + answer->error().description);
    }
    const FreezeResult& result = answer->value();
    Outcome outcome;
    outcome.details.set("count", result.count);
    outcome.text = "frozen: " + std::to_string(result.count) + " file systems";
    if (result.report) {
        outcome.details.set("report", result.report->document);
        outcome.text += ", freeze id " + result.report->id;
    }
    outcome.text += "\n";
    return outcome;
}

Outcome thaw(AgentClient& agent, Waiter& waiter, Progress& progress)
{
    progress.phase("thawing the guest");
    const ThawOutcome thawed =
        confirm_thaw(agent, waiter, std::nullopt, waiter.now() + agent.limits().recovery);
    progress.done();
    Outcome outcome;
    if (thawed.report) {
        outcome.details.set("report", thawed.report->document);
    }
    if (thawed.count) {
        outcome.details.set("count", *thawed.count);
        outcome.text = "thawed: " + std::to_string(*thawed.count) + " file systems\n";
    }
    if (!thawed.confirmed) {
        outcome.status = ExitStatus::thaw_unconfirmed;
        outcome.problem = "the thaw is NOT confirmed (" + thawed.last_problem + ")";
    } else if (thawed.complaint) {
        // Thawed it is, but what was taken meanwhile is not what the caller thinks.
        outcome.status = ExitStatus::not_consistent;
        outcome.problem = "thawed, but the guest says: " + *thawed.complaint;
    }
    return outcome;
}

} // namespace

void set_agent(Outcome& outcome, const AgentIdentity& identity)
{
    outcome.details.set("agent", identity.frostline ? "frostline" : "qemu-ga");
    outcome.details.set("agent-version", identity.version);
}

std::string new_freeze_id()
{
    std::random_device random;
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "frostline-%08x%08x", random(), random());
    return text.data();
}

Outcome run_verb(const Options& options, AgentClient& agent, Waiter& waiter, Progress& progress)
{
    const Result<AgentIdentity> identity = agent.identify();
    if (!identity) {
        return failed(ExitStatus::unreachable, identity.error().message());
    }
    Outcome outcome;
    switch (options.verb) {
    case Verb::info:
        outcome = info(options, *identity);
        break;
    case Verb::status:
        outcome = status(options, agent, *identity);
        break;
    case Verb::hooks:
        outcome = hooks(options, agent);
        break;
    case Verb::freeze:
        outcome = freeze(options, agent, waiter, progress);
        break;
    case Verb::thaw:
        outcome = thaw(agent, waiter, progress);
        break;
    case Verb::exec:
        outcome = run_exec(options, agent, waiter, progress);
        break;
    default:
        outcome = ping(agent, *identity);
        break;
    }
    set_agent(outcome, *identity);
    return outcome;
}

} // namespace frostline::host
