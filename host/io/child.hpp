// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/waiter.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Runs a program (found in PATH) to its end: no shell, no standard input, own process group, its
/// output dropped, its standard error kept for the message. Errors: it could not be started, did
/// not exit with 0 (the message ends with its last line of standard error), timeout, cancelled;
/// after the last two nothing of it runs any more.
[[nodiscard]] Result<void> run_program(const std::vector<std::string>& arguments, Waiter& waiter,
                                       TimePoint until);

} // namespace frostline::host
