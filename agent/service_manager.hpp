// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <optional>

/// What passes between systemd and the agent where systemd has started it; nothing elsewhere.
/// Without libsystemd: docs/decisions/0006.
namespace frostline::service_manager {

/// The listening socket of a socket unit (sd_listen_fds(3)), close-on-exec and non-blocking, if
/// there is one. More than one is an error. Takes the variables that tell of it out of the
/// environment: before any thread exists, and in the process that was started.
[[nodiscard]] Result<std::optional<UniqueFd>> take_socket();

/// Tell it so (sd_notify(3)). That it can't be told is a warning in the log.
void ready();
void stopping();

} // namespace frostline::service_manager
