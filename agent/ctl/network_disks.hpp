// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

namespace frostline::ctl {

/// Whether a block device, or what lies below it through device mapper, md and partitions, is
/// reached over a network: its name and kind ("nbd0 (nbd)"). nullopt: no, or nobody knows. `sys`:
/// where sysfs is.
[[nodiscard]] std::optional<std::string> network_disk(const std::string& sys, dev_t device);

} // namespace frostline::ctl
