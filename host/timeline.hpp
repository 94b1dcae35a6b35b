// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/output.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// An SVG that draws the phases, hooks and file systems of every guest that has a report on one
/// time axis. Empty when none has.
[[nodiscard]] std::string draw_timeline(const std::vector<GuestOutcome>& outcomes);

} // namespace frostline::host
