// SPDX-License-Identifier: Apache-2.0
#include "host/output.hpp"

#include "common/json/write.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace frostline::host {

namespace {

json::Value document(const Options& options, const std::vector<GuestOutcome>& outcomes)
{
    json::Array guests;
    for (const GuestOutcome& one : outcomes) {
        json::Object entry;
        entry.set("guest", one.guest);
        entry.set("exit-status", static_cast<int>(one.outcome.status));
        if (!one.outcome.problem.empty()) {
            entry.set("error", one.outcome.problem);
        }
        for (const json::Object::Member& member : one.outcome.details.members()) {
            entry.set(member.first, member.second);
        }
        guests.emplace_back(std::move(entry));
    }
    json::Object whole;
    whole.set("tool", "frostline " FROSTLINE_VERSION);
    whole.set("verb", json::Value{verb_name(options.verb)});
    whole.set("guests", std::move(guests));
    return whole;
}

ExitStatus status_of(const std::vector<GuestOutcome>& outcomes)
{
    ExitStatus status = ExitStatus::consistent;
    for (const GuestOutcome& one : outcomes) {
        if (one.outcome.status == ExitStatus::thaw_unconfirmed) {
            return one.outcome.status;
        }
        if (status == ExitStatus::consistent && !one.collateral) {
            status = one.outcome.status;
        }
    }
    return status;
}

} // namespace

Outcome failed(ExitStatus status, std::string problem)
{
    Outcome outcome;
    outcome.status = status;
    outcome.problem = std::move(problem);
    return outcome;
}

int print(const Options& options, const std::vector<GuestOutcome>& outcomes)
{
    std::string text;
    if (options.json) {
        text = json::write_pretty(document(options, outcomes));
    } else {
        for (const GuestOutcome& one : outcomes) {
            text += (text.empty() || one.outcome.text.empty() ? "" : "\n") + one.outcome.text;
        }
    }
    // A lost standard output changes nothing about the snapshot, and so not the exit status.
    (void)std::fwrite(text.data(), 1, text.size(), stdout);
    (void)std::fflush(stdout);
    for (const GuestOutcome& one : outcomes) {
        if (!options.json) {
            (void)std::fwrite(one.outcome.errors.data(), 1, one.outcome.errors.size(), stderr);
        }
        if (!one.outcome.problem.empty() && !options.json) {
            (void)std::fprintf(stderr, "frostline: %s: %s\n", one.guest.c_str(),
                               one.outcome.problem.c_str());
        }
    }
    return static_cast<int>(status_of(outcomes));
}

int print(const Options& options, const Outcome& outcome)
{
    return print(options, {{options.guest, outcome, false}});
}

std::string utc_now()
{
    const std::time_t now = std::time(nullptr);
    std::tm parts = {};
    ::gmtime_r(&now, &parts);
    std::array<char, 64> buffer{};
    const std::size_t size =
        std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {buffer.data(), size};
}

std::string name_from_now()
{
    std::string name = utc_now();
    std::erase_if(name, [](char letter) { return letter == '-' || letter == ':'; });
    return name;
}

} // namespace frostline::host
