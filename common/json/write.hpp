// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"

#include <string>

namespace frostline::json {

/// One line of pure ASCII without a newline, as qemu-ga writes it: separators ", " and ": ",
/// \uXXXX in upper case for everything outside 0x20..0x7E, surrogate pairs beyond the BMP, bytes
/// that are not UTF-8 as \uFFFD. A double that is not finite becomes null.
[[nodiscard]] std::string write(const Value& value);

/// For files and people: indented by two spaces, UTF-8, ends with a newline.
[[nodiscard]] std::string write_pretty(const Value& value);

} // namespace frostline::json
