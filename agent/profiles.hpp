// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.hpp"
#include "rpc/policy.hpp"

namespace frostline {

/// From the configured policy to the rules: what each profile's name stands for.
[[nodiscard]] rpc::PolicyRules policy_rules(const config::PolicySettings& settings);

} // namespace frostline
