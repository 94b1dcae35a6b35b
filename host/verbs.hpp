// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/agent_client.hpp"
#include "host/output.hpp"
#include "host/progress.hpp"

namespace frostline::host {

/// Every verb but snapshot. `agent` isn't identified yet.
[[nodiscard]] Outcome run_verb(const Options& options, AgentClient& agent, Waiter& waiter,
                               Progress& progress);

/// The snapshot verb: one outcome for each guest.
[[nodiscard]] std::vector<GuestOutcome> run_snapshot(const Options& options, Waiter& waiter,
                                                     Progress& progress);

/// snapshot --commit: the same for folding back; needs no agent.
[[nodiscard]] std::vector<GuestOutcome> run_commit(const Options& options, Waiter& waiter,
                                                   Progress& progress);

/// Finishes what runs have left that died; one outcome for each journal in the folder of leases.
[[nodiscard]] std::vector<GuestOutcome> run_recover(const Options& options, Waiter& waiter,
                                                    Progress& progress);

/// Looks into what a snapshot's description names, read-only.
[[nodiscard]] Outcome run_verify(const Options& options, Waiter& waiter, Progress& progress);

/// Runs a program in the guest to its end, or as long as --timeout says; its output goes on as it
/// is.
[[nodiscard]] Outcome run_exec(const Options& options, AgentClient& agent, Waiter& waiter,
                               Progress& progress);

/// Puts which agent it is into the guest's JSON object.
void set_agent(Outcome& outcome, const AgentIdentity& identity);

/// A name for one freeze that nobody else uses.
[[nodiscard]] std::string new_freeze_id();

} // namespace frostline::host
