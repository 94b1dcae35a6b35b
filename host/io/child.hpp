// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/waiter.hpp"

#include <optional>
#include <string>
#include <vector>

namespace frostline::host {

/// Runs a program (found in PATH) to its end: no shell, no standard input, own process group, its
/// output dropped, its standard error kept for the message. Errors: it could not be started, did
/// not exit with 0 (the message ends with its last line of standard error), timeout, cancelled;
/// after the last two nothing of it runs any more.
[[nodiscard]] Result<void> run_program(const std::vector<std::string>& arguments, Waiter& waiter,
                                       TimePoint until);

/// How a program ended that was started for somebody.
struct ProgramEnd {
    std::optional<int> exit_status; ///< nullopt: by a signal
    std::string problem;            ///< in words; empty for exit status 0
    std::string output;             ///< both of its streams, up to 64 KiB
};

/// As run_program(), but with our whole environment and `more` (KEY=value) besides, and with its
/// output kept. Any end of its own is no error.
[[nodiscard]] Result<ProgramEnd> run_for_user(const std::vector<std::string>& arguments,
                                              const std::vector<std::string>& more, Waiter& waiter,
                                              TimePoint until);

} // namespace frostline::host
