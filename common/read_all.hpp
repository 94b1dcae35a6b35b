// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <string>

namespace frostline {

/// Reads an opened configuration or hook file from its position to its end. `path` is for messages.
/// More than 1 MiB is an invalid_argument error: no such file of ours is larger.
[[nodiscard]] Result<std::string> read_all(const UniqueFd& fd, const std::string& path);

} // namespace frostline
