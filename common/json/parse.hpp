// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <string_view>

namespace frostline::json {

/// Parses one JSON value in QEMU's dialect, white space around it allowed. Strict: duplicate keys,
/// comments, leading zeros, trailing commas, invalid UTF-8 and a second document are protocol
/// errors, as are more than 1024 levels of nesting.
[[nodiscard]] Result<Value> parse(std::string_view text);

} // namespace frostline::json
