// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Messages to systemd where it has started the agent; nothing elsewhere.
namespace frostline::service_manager {

void ready();
void stopping();

} // namespace frostline::service_manager
