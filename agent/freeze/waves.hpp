// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace frostline::freeze {

/// `below[i]`: what i lies on. The result gives each its wave: 0 where nothing lies on it, else one
/// more than the latest that lies on it. `names` are for the message when they form a circle.
[[nodiscard]] Result<std::vector<int>> waves(const std::vector<std::set<std::size_t>>& below,
                                             const std::vector<std::string>& names);

} // namespace frostline::freeze
