// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "config/config.hpp"
#include "ctl/hazards.hpp"
#include "ctl/outcome.hpp"
#include "freeze/plan.hpp"
#include "hooks/quiescer.hpp"

#include <string>
#include <vector>

namespace frostline::ctl {

/// What a freeze would find, without one.
struct Survey {
    std::vector<std::string> sources; ///< configuration files that were read
    freeze::Plan plan;
    std::vector<hooks::HookListing> hooks; ///< with their checks
    std::vector<Hazard> hazards;
    std::vector<std::string> problems; ///< each would keep a freeze from working
};

/// Reads, opens every mount that a freeze would open, and runs the hooks' checks.
[[nodiscard]] Result<Survey> make_survey(config::Config config);

/// As text and as the parts of a JSON document.
[[nodiscard]] Outcome describe(const Survey& survey);

} // namespace frostline::ctl
