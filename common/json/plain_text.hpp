// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace frostline::json {

/// How many bytes at the front of `text` are printable ASCII other than `"`, `'` and `\`: they
/// stand for themselves in any string, on both ways. A file's contents in base64 are one such run
/// of megabytes, so it is looked at eight bytes at a time.
[[nodiscard]] std::size_t plain_prefix(std::string_view text) noexcept;

} // namespace frostline::json
