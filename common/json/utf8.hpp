// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace frostline::json {

struct CodePoint {
    std::int32_t value = -1; ///< -1: not a code point that QEMU's dialect allows
    std::size_t length = 1;  ///< bytes taken, also when it is invalid; at least 1
};

/// U+FDD0..FDEF and the last two of each plane: never characters, so QEMU refuses them. We use
/// three of them as marks of our own on the way through json-glib (tree.hpp).
[[nodiscard]] bool is_non_character(std::int32_t point) noexcept;

/// The first code point of `text`, which is not empty. C0 80 is NUL (modified UTF-8). Overlong
/// forms, surrogates, non-characters and cut sequences are invalid and taken as one.
[[nodiscard]] CodePoint decode_utf8(std::string_view text) noexcept;

/// Appends a valid code point as UTF-8; NUL as one zero byte.
void append_utf8(std::string& out, std::int32_t point);

} // namespace frostline::json
