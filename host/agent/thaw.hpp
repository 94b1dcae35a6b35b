// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/agent_client.hpp"

#include <optional>
#include <string>

namespace frostline::host {

/// What is known about a thaw when confirm_thaw() is done with it.
struct ThawOutcome {
    bool confirmed = false;            ///< the guest says that nothing of ours is frozen any more
    std::optional<std::int64_t> count; ///< from the answer to the thaw itself
    std::optional<FreezeReport> report;
    std::optional<std::string> complaint; ///< the thaw's error answer: a lapse, a hook that failed
    std::string last_problem;             ///< why the last try didn't confirm; for the message
};

/// Thaws and asks, again and again over lost connections, until the guest says that it is thawed
/// or `give_up_at` has passed (at least one try is made). Signals don't interrupt it. With `id`
/// only that freeze is thawed, never somebody else's.
[[nodiscard]] ThawOutcome confirm_thaw(AgentClient& agent, Waiter& waiter,
                                       const std::optional<std::string>& id, TimePoint give_up_at);

} // namespace frostline::host
