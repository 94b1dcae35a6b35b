// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace frostline {

/// Reads "250ms", "60s", "5min", or a bare number of seconds ("1.5" is allowed in every form).
/// Not negative, at most a day; anything else is an invalid_argument error saying what is right.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// For people: "850us", "12ms", "1.2s", "5min 3s".
[[nodiscard]] std::string format_duration(std::chrono::microseconds duration);

} // namespace frostline
