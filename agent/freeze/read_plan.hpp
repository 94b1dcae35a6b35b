// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "freeze/plan.hpp"
#include "system/block_layers.hpp"
#include "system/mount_table.hpp"

namespace frostline::freeze {

/// Reads the mount table and what its devices are made of, and plans. Reads files of the kernel's
/// only; nothing touches a mount point. Workers, and programs that may wait.
[[nodiscard]] Result<Plan> read_and_plan(system::MountTable& table, system::BlockLayers& layers,
                                         const Settings& settings, const Request& request);

} // namespace frostline::freeze
