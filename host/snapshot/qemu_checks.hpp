// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"

#include <string_view>

namespace frostline::host {

/// A command without arguments; an error answer is a failure like any other.
[[nodiscard]] Result<json::Value> ask(Monitor& monitor, std::string_view command, TimePoint until);

/// Refuses a monitor that belongs to libvirt (kind permission).
[[nodiscard]] Result<void> check_owner(Monitor& monitor, TimePoint until);

/// Refuses a QEMU with a block job or a migration under way (kind busy).
[[nodiscard]] Result<void> check_idle(Monitor& monitor, TimePoint until);

} // namespace frostline::host
