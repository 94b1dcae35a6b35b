// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "host/cli/options.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// What a verb came to: printed once, at the end, as text or as one JSON document.
struct Outcome {
    ExitStatus status = ExitStatus::consistent;
    std::string text;     ///< for people, on standard output
    std::string errors{}; ///< what goes to standard error as it is
    std::string problem;  ///< for people, on standard error; empty when nothing went wrong
    json::Object details; ///< the verb's part of the guest's JSON object
};

[[nodiscard]] Outcome failed(ExitStatus status, std::string problem);

/// What came of one guest of several.
struct GuestOutcome {
    std::string guest;
    Outcome outcome;
    bool collateral = false; ///< only another guest's failure; says nothing of its own
};

/// Prints all and returns what main() returns: 6 when a thaw is not confirmed, else the status of
/// the first guest that failed by itself.
[[nodiscard]] int print(const Options& options, const std::vector<GuestOutcome>& outcomes);
[[nodiscard]] int print(const Options& options, const Outcome& outcome);

/// RFC 3339, UTC, whole seconds; and the same moment as a name for a snapshot.
[[nodiscard]] std::string utc_now();
[[nodiscard]] std::string name_from_now();

} // namespace frostline::host
