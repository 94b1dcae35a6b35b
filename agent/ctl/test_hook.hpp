// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.hpp"
#include "ctl/outcome.hpp"

namespace frostline::ctl {

/// Runs one hook as a freeze and its thaw would, by the agent's own engine, with nothing frozen:
/// check, freeze or hold, some time, thaw. Interrupted, it thaws at once.
[[nodiscard]] Outcome test_hook(const Options& options, config::Config config);

} // namespace frostline::ctl
