// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/key_file.hpp"
#include "common/result.hpp"
#include "config/config.hpp"

namespace frostline::config {

/// Reads a file of our own form over `config`. Strict: an unknown group or key, or a value of the
/// wrong type, is an error that names file, line, group and key and says what is right.
[[nodiscard]] Result<void> read_own_file(const KeyFile& file, Config& config);

} // namespace frostline::config
