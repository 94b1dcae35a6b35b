// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace frostline {

/// Rows of cells, padded to columns two spaces apart. No cell is padded at a row's end.
[[nodiscard]] std::string format_table(const std::vector<std::vector<std::string>>& rows);

} // namespace frostline
