// SPDX-License-Identifier: Apache-2.0
#include "host/output.hpp"

#include "common/json/write.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace frostline::host {

namespace {

json::Value document(const Options& options, const Outcome& outcome)
{
    json::Object guest = outcome.details;
    json::Object entry;
    entry.set("guest", options.guest);
    entry.set("exit-status", static_cast<int>(outcome.status));
    if (!outcome.problem.empty()) {
        entry.set("error", outcome.problem);
    }
    for (const json::Object::Member& member : guest.members()) {
        entry.set(member.first, member.second);
    }
    json::Array guests;
    guests.emplace_back(std::move(entry));
    json::Object whole;
    whole.set("tool", "frostline " FROSTLINE_VERSION);
    whole.set("verb", json::Value{verb_name(options.verb)});
    whole.set("guests", std::move(guests));
    return whole;
}

} // namespace

Outcome failed(ExitStatus status, std::string problem)
{
    Outcome outcome;
    outcome.status = status;
    outcome.problem = std::move(problem);
    return outcome;
}

int print(const Options& options, const Outcome& outcome)
{
    const std::string text =
        options.json ? json::write_pretty(document(options, outcome)) : outcome.text;
    // A lost standard output changes nothing about the snapshot, and so not the exit status.
    (void)std::fwrite(text.data(), 1, text.size(), stdout);
    (void)std::fflush(stdout);
    if (!outcome.problem.empty() && !options.json) {
        (void)std::fprintf(stderr, "frostline: %s: %s\n", options.guest.c_str(),
                           outcome.problem.c_str());
    }
    return static_cast<int>(outcome.status);
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
