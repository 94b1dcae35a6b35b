// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::text {

/// Without ASCII white space at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

/// The parts between separators, each trimmed, empty ones left out.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Safe to print on a terminal or in a log line: control characters and bytes that are not UTF-8
/// become \xNN, and what is longer than `most` bytes is cut, with "..." at the end.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 512);

/// The same for a text of several lines: line feeds and tabs stay.
[[nodiscard]] std::string printable_lines(std::string_view text, std::size_t most);

/// The last line of `text` that is not blank, trimmed; empty when there is none.
[[nodiscard]] std::string_view last_line(std::string_view text);

/// Whether `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool valid_utf8(std::string_view text);

} // namespace frostline::text
