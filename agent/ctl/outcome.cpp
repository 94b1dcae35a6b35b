// SPDX-License-Identifier: Apache-2.0
#include "ctl/outcome.hpp"

#include "common/json/write.hpp"

#include <cstdio>
#include <utility>

namespace frostline::ctl {

Outcome failed(ExitStatus status, std::string problem)
{
    Outcome outcome;
    outcome.status = status;
    outcome.problem = std::move(problem);
    return outcome;
}

int print(const Options& options, Outcome outcome)
{
    const int status = static_cast<int>(outcome.status);
    std::string text = std::move(outcome.text);
    if (options.json) {
        json::Object whole;
        whole.set("tool", "frostlinectl " FROSTLINE_VERSION);
        whole.set("verb", json::Value{verb_name(options.verb)});
        whole.set("exit-status", status);
        if (!outcome.problem.empty()) {
            whole.set("error", outcome.problem);
        }
        for (json::Object::Member& member : outcome.details.members()) {
            whole.set(member.first, std::move(member.second));
        }
        text = json::write_pretty(json::Value{std::move(whole)});
    } else if (!outcome.problem.empty()) {
        std::fprintf(stderr, "frostlinectl: %s\n", outcome.problem.c_str());
    }
    // What is printed here is the result: that it could not be printed is a failure.
    const bool printed =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return printed || status != 0 ? status : static_cast<int>(ExitStatus::error);
}

} // namespace frostline::ctl
