// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>
#include <string_view>

namespace frostline::json {

/// What a string token (quotes included) means: UTF-8 with escapes undone, NUL as a zero byte.
/// The error's message is qemu-ga's detail, such as "invalid escape sequence in string".
[[nodiscard]] Result<std::string> decode_string(std::string_view token);

} // namespace frostline::json
