// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "host/cli/options.hpp"

#include <string>

namespace frostline::host {

/// What a verb came to: printed once, at the end, as text or as one JSON document.
struct Outcome {
    ExitStatus status = ExitStatus::consistent;
    std::string text;     ///< for people, on standard output
    std::string problem;  ///< for people, on standard error; empty when nothing went wrong
    json::Object details; ///< the verb's part of the guest's JSON object
};

[[nodiscard]] Outcome failed(ExitStatus status, std::string problem);

/// Prints and returns what main() returns.
[[nodiscard]] int print(const Options& options, const Outcome& outcome);

/// RFC 3339, UTC, whole seconds; and the same moment as a name for a snapshot.
[[nodiscard]] std::string utc_now();
[[nodiscard]] std::string name_from_now();

} // namespace frostline::host
