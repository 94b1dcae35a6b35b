// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/report.hpp"

#include <string>

namespace frostline::host {

/// The hooks and file systems of a report as two tables; an empty table is left out.
[[nodiscard]] std::string format_report(const FreezeReport& report);

} // namespace frostline::host
