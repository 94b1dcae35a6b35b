// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The text of an authorized_keys file (sshd(8), AUTHORIZED_KEYS FILE FORMAT). A line is a key's
/// when both are the same without the white space around them: that is what the commands show and
/// take, and it makes CRLF files work. Pure functions.
namespace frostline::system {

/// Refuses keys that are not one line or would be a comment, in qemu-ga's words. A blank key is no
/// key: clients that split a file at its line feeds send one, and everything passes it over.
[[nodiscard]] Result<void> check_keys(const std::vector<std::string>& keys);

/// The lines that are neither blank nor comments, without white space around them.
[[nodiscard]] std::vector<std::string> keys_in(std::string_view text);

/// `text` and after it those of `keys` that are not in it, once each. Ends with a line feed, unless
/// it is empty.
[[nodiscard]] std::string with_keys(std::string_view text, const std::vector<std::string>& keys);

/// `text` without the lines of `keys`; every other line stays as it is, byte by byte.
[[nodiscard]] std::string without_keys(std::string_view text, const std::vector<std::string>& keys);

} // namespace frostline::system
