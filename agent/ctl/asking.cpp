// SPDX-License-Identifier: Apache-2.0
#include "ctl/asking.hpp"

#include "common/duration.hpp"
#include "common/table.hpp"
#include "common/text.hpp"
#include "host/agent/report_table.hpp"
#include "host/agent/thaw.hpp"

#include <array>
#include <cstdio>
#include <random>
#include <utility>
#include <vector>

namespace frostline::ctl {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string new_id()
{
    std::random_device random;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "rehearsal-%08x%08x", random(), random());
    return text.data();
}

std::string phases(const host::FreezeReport& report)
{
    Rows rows{{"PHASE", "AFTER", "TIME"}};
    for (const host::PhaseRow& phase : report.phases) {
        rows.push_back({phase.name, format_duration(phase.start), format_duration(phase.duration)});
    }
    return rows.size() > 1 ? "\n" + format_table(rows) : "";
}

std::string whole_report(const host::FreezeReport& report)
{
    return phases(report) + host::format_report(report);
}

/// What kept the rehearsal from being consistent; empty: nothing.
std::string flaw_of(const host::ThawOutcome& thawed)
{
    if (thawed.complaint) {
        return *thawed.complaint;
    }
    if (!thawed.report) {
        return "the agent gave no report";
    }
    if (thawed.report->outcome == "consistent") {
        return {};
    }
    return thawed.report->error.value_or("it was " + thawed.report->outcome);
}

} // namespace

Outcome show_status(host::AgentClient& agent)
{
    const Result<host::GuestState> state = agent.state();
    if (!state) {
        return failed(ExitStatus::unreachable, state.error().message());
    }
    Rows rows{{"state", state->state}};
    if (state->id) {
        rows.push_back({"freeze id", *state->id});
    }
    if (state->deadline_remaining) {
        rows.push_back({"thaws itself in", format_duration(*state->deadline_remaining)});
    }
    if (!state->owed_hooks.empty()) {
        rows.push_back({"owed a thaw", text::join(state->owed_hooks, ", ")});
    }
    Outcome outcome;
    if (state->last) {
        rows.push_back(
            {state->frozen ? "this freeze" : "last freeze",
             state->last->outcome + ", frozen for " + format_duration(state->last->frozen)});
    }
    outcome.text = format_table(rows);
    if (state->last) {
        outcome.text += whole_report(*state->last);
    }
    outcome.details.set("status", state->document);
    return outcome;
}

Outcome show_hooks(host::AgentClient& agent, bool check)
{
    const Result<std::vector<host::HookEntry>> entries = agent.hooks(check);
    if (!entries) {
        return failed(ExitStatus::unreachable, entries.error().message());
    }
    Outcome outcome;
    Rows rows{{"STAGE", "HOOK", "TYPE", "STATE", "REMARK"}};
    json::Array list;
    for (const host::HookEntry& entry : *entries) {
        rows.push_back({std::to_string(entry.stage), entry.name, entry.type, entry.state,
                        entry.check.empty() ? entry.reason : "check: " + entry.check});
        list.push_back(entry.document);
    }
    outcome.text = entries->empty() ? "no hooks\n" : format_table(rows);
    outcome.details.set("hooks", std::move(list));
    return outcome;
}

Outcome thaw(host::AgentClient& agent, host::Waiter& waiter)
{
    const host::ThawOutcome thawed =
        host::confirm_thaw(agent, waiter, std::nullopt, waiter.now() + agent.limits().recovery);
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
        outcome.problem = "the thaw is NOT confirmed (" + thawed.last_problem +
                          "); fsfreeze --unfreeze DIR thaws one file system by hand";
    } else if (thawed.complaint) {
        outcome.status = ExitStatus::not_consistent;
        outcome.problem = "thawed, but the agent says: " + *thawed.complaint;
    }
    return outcome;
}

Outcome rehearse(host::AgentClient& agent, host::Waiter& waiter, const Options& options)
{
    host::FreezeWish wish{new_id(), options.deadline, std::nullopt};
    if (!options.mount_points.empty()) {
        wish.mount_points = options.mount_points;
    }
    const Result<host::Answer<host::FreezeResult>> frozen = agent.freeze(wish);
    if (frozen && !frozen->good()) { // undone by the agent; a thaw now could end another freeze
        return failed(ExitStatus::freeze_fails,
                      "the freeze failed: " + frozen->error().description);
    }
    const host::ThawOutcome thawed =
        host::confirm_thaw(agent, waiter, wish.id, waiter.now() + agent.limits().recovery);
    Outcome outcome;
    if (thawed.report) {
        outcome.details.set("report", thawed.report->document);
        outcome.text = format_table({{"outcome", thawed.report->outcome},
                                     {"frozen for", format_duration(thawed.report->frozen)}});
        outcome.text += whole_report(*thawed.report);
    }
    if (!thawed.confirmed) {
        outcome.status = ExitStatus::thaw_unconfirmed;
        outcome.problem = "the thaw is NOT confirmed (" + thawed.last_problem + ")";
    } else if (!frozen) {
        outcome.status = ExitStatus::freeze_fails;
        outcome.problem = "the freeze failed: " + frozen.error().message();
    } else if (const std::string flaw = flaw_of(thawed); !flaw.empty()) {
        outcome.status = ExitStatus::not_consistent;
        outcome.problem =
            "frozen and thawed, but a snapshot would not have been consistent: " + flaw;
    }
    return outcome;
}

} // namespace frostline::ctl
