// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/agent_client.hpp"
#include "host/output.hpp"
#include "host/progress.hpp"

namespace frostline::host {

/// Every verb but snapshot. `agent` isn't identified yet.
[[nodiscard]] Outcome run_verb(const Options& options, AgentClient& agent, Waiter& waiter,
                               Progress& progress);

/// The snapshot verb; `agent_path` in the options is a socket, and so is the monitor.
[[nodiscard]] Outcome run_snapshot(const Options& options, AgentClient& agent, Waiter& waiter,
                                   Progress& progress);

/// A name for one freeze that nobody else uses.
[[nodiscard]] std::string new_freeze_id();

} // namespace frostline::host
