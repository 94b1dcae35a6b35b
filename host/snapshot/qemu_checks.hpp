// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"
#include "host/snapshot/disks.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace frostline::host {

/// A command without arguments; an error answer is a failure like any other.
[[nodiscard]] Result<json::Value> ask(Monitor& monitor, std::string_view command, TimePoint until);

/// Refuses a monitor that belongs to libvirt (kind permission).
[[nodiscard]] Result<void> check_owner(Monitor& monitor, TimePoint until);

/// Refuses a QEMU with a block job or a migration under way (kind busy).
[[nodiscard]] Result<void> check_idle(Monitor& monitor, TimePoint until);

/// The guest's writable disks as find_disks() has them.
[[nodiscard]] Result<std::vector<Disk>>
ask_for_disks(Monitor& monitor, const std::string& directory, TimePoint until);

/// Gives QEMU a new qcow2 image as a node. Its backing file isn't opened: who writes it whole, or
/// only what has changed, need not know what is below.
[[nodiscard]] Result<void> add_image_node(Monitor& monitor, const std::string& node,
                                          const std::string& path, TimePoint until);

} // namespace frostline::host
