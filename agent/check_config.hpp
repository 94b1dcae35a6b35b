// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.hpp"

namespace frostline {

/// What --check-config does with a configuration that could be read: looks at the hook files, too,
/// and prints what it thinks of each file. Runs nothing. Returns the exit status.
[[nodiscard]] int check_config(const config::Config& config);

} // namespace frostline
