// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/key_file.hpp"
#include "common/result.hpp"
#include "config/config.hpp"

namespace frostline::config {

/// Reads a qemu-ga.conf over `config`, as leniently as qemu-ga does: unknown groups and keys are
/// passed over; a boolean that is none of true, false, 1 and 0 is an error.
[[nodiscard]] Result<void> read_qemu_file(const KeyFile& file, Config& config);

} // namespace frostline::config
