// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "config/config.hpp"

namespace frostline {

/// Sends the log to the configured file, or to standard error: with a priority in front of each
/// line where that is the journal, with the time elsewhere.
[[nodiscard]] Result<void> open_log(const config::AgentSettings& settings);

/// Sends the log to syslog(3) from now on, for an agent that has let go of its terminal and has no
/// log file.
void log_to_syslog();

} // namespace frostline
