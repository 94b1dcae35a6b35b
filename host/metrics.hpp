// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/output.hpp"

#include <ctime>
#include <string>
#include <vector>

namespace frostline::host {

/// What a snapshot came to, in Prometheus' text format (for the node exporter's textfile
/// collector): one set of gauges for each guest. `now` is when it ended, in seconds since 1970.
[[nodiscard]] std::string format_metrics(const std::vector<GuestOutcome>& outcomes,
                                         std::time_t now);

} // namespace frostline::host
