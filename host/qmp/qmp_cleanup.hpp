// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Takes back what a run has made in QEMU. Each returns what is left, in words.

/// Ends jobs whose names begin so, and forgets them.
[[nodiscard]] std::vector<std::string> end_jobs(Monitor& monitor, const std::string& prefix,
                                                TimePoint until);
/// Removes a dirty bitmap from every node that has it.
[[nodiscard]] std::vector<std::string> remove_bitmaps(Monitor& monitor, const std::string& name,
                                                      TimePoint until);
/// One that isn't there is no trouble.
[[nodiscard]] std::vector<std::string> remove_node(Monitor& monitor, const std::string& node,
                                                   TimePoint until);

} // namespace frostline::host
