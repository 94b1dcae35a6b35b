// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/report.hpp"
#include "host/snapshot/guest_freeze.hpp"
#include "host/snapshot/method.hpp"

#include <string>

namespace frostline::host {

/// What the snapshot verb prints: guest, level, times, what was taken, and the report.
[[nodiscard]] std::string format_snapshot(const std::string& guest, const std::string& name,
                                          Level required, const SnapshotResult& result,
                                          const SnapshotMethod& method);

/// The same for --json and for NAME.frostline.json.
[[nodiscard]] json::Object describe_snapshot(const std::string& guest, const std::string& name,
                                             Level required, const SnapshotResult& result,
                                             const SnapshotMethod& method);

} // namespace frostline::host
