// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ctl/outcome.hpp"
#include "host/agent/agent_client.hpp"

/// The verbs that ask a running agent.
namespace frostline::ctl {

[[nodiscard]] Outcome show_status(host::AgentClient& agent);
[[nodiscard]] Outcome show_hooks(host::AgentClient& agent, bool check);
[[nodiscard]] Outcome thaw(host::AgentClient& agent, host::Waiter& waiter);
/// Freezes and thaws. Once the freeze has been asked for, a thaw is, whatever comes: signals wait.
[[nodiscard]] Outcome rehearse(host::AgentClient& agent, host::Waiter& waiter,
                               const Options& options);

} // namespace frostline::ctl
