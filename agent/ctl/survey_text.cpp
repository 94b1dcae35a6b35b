// SPDX-License-Identifier: Apache-2.0
#include "ctl/survey.hpp"

#include "common/table.hpp"
#include "common/text.hpp"
#include "ctl/words.hpp"

#include <algorithm>
#include <utility>

namespace frostline::ctl {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string count(std::size_t number, const std::string& what)
{
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string remark_of(const freeze::PlannedFs& planned)
{
    if (!planned.reason.empty()) {
        return planned.reason;
    }
    const std::size_t others = planned.mount_points.size();
    return others > 1 ? "and " + count(others - 1, "other mount point") : "";
}

std::string plan_text(const freeze::Plan& plan)
{
    Rows rows{{"WAVE", "FILE SYSTEM", "TYPE", "DEVICE", "WHAT", "REMARK"}};
    for (const freeze::PlannedFs& planned : plan.filesystems) {
        rows.push_back({std::to_string(planned.wave), text::printable(planned.mount.mount_point),
                        planned.mount.type, text::printable(planned.mount.source),
                        word(planned.action), remark_of(planned)});
    }
    for (const freeze::LeftOut& left : plan.left_out) {
        rows.push_back({"-", text::printable(left.mount_point), left.type,
                        text::printable(left.device), "left out", left.reason});
    }
    return rows.size() > 1 ? format_table(rows) : "no file system to freeze\n";
}

std::string check_text(const hooks::HookListing& hook)
{
    if (!hook.check) {
        return hook.reason;
    }
    const std::string_view line = text::last_line(hook.check->standard_error);
    return std::string{"check: "} + word(hook.check->result) +
           (line.empty() ? "" : ": " + text::printable(line));
}

std::string hooks_text(const std::vector<hooks::HookListing>& hooks)
{
    Rows rows{{"STAGE", "HOOK", "TYPE", "STATE", "REMARK"}};
    for (const hooks::HookListing& hook : hooks) {
        rows.push_back({std::to_string(hook.stage), hook.name, hook.session ? "session" : "oneshot",
                        word(hook.state), check_text(hook)});
    }
    return rows.size() > 1 ? format_table(rows) : "no hooks\n";
}

json::Value plan_document(const freeze::Plan& plan)
{
    json::Array filesystems;
    for (const freeze::PlannedFs& planned : plan.filesystems) {
        json::Array places;
        for (const std::string& place : planned.mount_points) {
            places.emplace_back(text::printable(place));
        }
        json::Object one;
        one.set("mountpoint", text::printable(planned.mount.mount_point));
        one.set("mountpoints", std::move(places));
        one.set("type", planned.mount.type);
        one.set("device", text::printable(planned.mount.source));
        one.set("action", word(planned.action));
        one.set("wave", planned.wave);
        if (!planned.reason.empty()) {
            one.set("reason", planned.reason);
        }
        filesystems.emplace_back(std::move(one));
    }
    json::Array left_out;
    for (const freeze::LeftOut& left : plan.left_out) {
        left_out.emplace_back(json::Object{{"mountpoint", text::printable(left.mount_point)},
                                           {"type", left.type},
                                           {"device", text::printable(left.device)},
                                           {"reason", left.reason}});
    }
    return json::Object{{"filesystems", std::move(filesystems)}, {"left-out", std::move(left_out)}};
}

json::Value hooks_document(const std::vector<hooks::HookListing>& hooks)
{
    json::Array list;
    for (const hooks::HookListing& hook : hooks) {
        json::Object one{{"name", hook.name},
                         {"stage", hook.stage},
                         {"type", hook.session ? "session" : "oneshot"},
                         {"path", text::printable(hook.path)},
                         {"state", word(hook.state)}};
        if (!hook.reason.empty()) {
            one.set("reason", hook.reason);
        }
        if (hook.check) {
            one.set("check", word(hook.check->result));
            one.set("check-stderr", text::printable(hook.check->standard_error, 65536));
        }
        list.emplace_back(std::move(one));
    }
    return list;
}

json::Value hazards_document(const std::vector<Hazard>& hazards)
{
    json::Array list;
    for (const Hazard& hazard : hazards) {
        list.emplace_back(
            json::Object{{"kind", hazard.kind}, {"text", hazard.text}, {"advice", hazard.advice}});
    }
    return list;
}

json::Value texts(const std::vector<std::string>& lines)
{
    json::Array list;
    for (const std::string& line : lines) {
        list.emplace_back(line);
    }
    return list;
}

std::string summary(const Survey& survey)
{
    const auto frozen = std::count_if(
        survey.plan.filesystems.begin(), survey.plan.filesystems.end(),
        [](const freeze::PlannedFs& planned) { return planned.action == freeze::Action::freeze; });
    const auto active =
        std::count_if(survey.hooks.begin(), survey.hooks.end(), [](const hooks::HookListing& hook) {
            return hook.state == hooks::HookListing::State::active;
        });
    return count(static_cast<std::size_t>(frozen), "file system") + " to freeze, " +
           count(static_cast<std::size_t>(active), "active hook") + ", " +
           count(survey.hazards.size(), "hazard") + ": " +
           (survey.problems.empty() ? "a freeze should work" : "a freeze would FAIL") + "\n";
}

} // namespace

Outcome describe(const Survey& survey)
{
    Outcome outcome;
    outcome.text = plan_text(survey.plan) + "\n" + hooks_text(survey.hooks) + "\n";
    for (const Hazard& hazard : survey.hazards) {
        outcome.text +=
            "HAZARD " + hazard.kind + ": " + hazard.text + "\n    " + hazard.advice + "\n";
    }
    for (const std::string& problem : survey.problems) {
        outcome.text += "PROBLEM: " + problem + "\n";
    }
    outcome.text += summary(survey);
    outcome.details.set("configuration", texts(survey.sources));
    outcome.details.set("plan", plan_document(survey.plan));
    outcome.details.set("hooks", hooks_document(survey.hooks));
    outcome.details.set("hazards", hazards_document(survey.hazards));
    outcome.details.set("problems", texts(survey.problems));
    if (!survey.problems.empty()) {
        outcome.status = ExitStatus::freeze_fails;
    } else if (!survey.hazards.empty()) {
        outcome.status = ExitStatus::not_consistent;
    }
    return outcome;
}

} // namespace frostline::ctl
