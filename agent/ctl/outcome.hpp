// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "ctl/options.hpp"

#include <string>

namespace frostline::ctl {

/// The numbers are the host tool's.
enum class ExitStatus {
    good = 0,
    error = 1,          ///< usage, or something that has nothing to do with the agent
    unreachable = 2,    ///< no agent answers
    freeze_fails = 3,   ///< a freeze failed, or would
    not_consistent = 5, ///< it worked, but not as it should; or there is a hazard
    thaw_unconfirmed = 6,
};

/// What a verb came to: printed once, at the end, as text or as one JSON document.
struct Outcome {
    ExitStatus status = ExitStatus::good;
    std::string text;     ///< for people, on standard output
    std::string problem;  ///< for people, on standard error; empty when nothing went wrong
    json::Object details; ///< the verb's part of the JSON document
};

[[nodiscard]] Outcome failed(ExitStatus status, std::string problem);

/// Prints and returns what main() returns.
[[nodiscard]] int print(const Options& options, Outcome outcome);

} // namespace frostline::ctl
