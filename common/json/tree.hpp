// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// json-glib builds the tree, but it cannot carry all that QEMU's dialect can. What it would bend
/// travels through it under marks that cannot be in the input, since the dialect refuses
/// non-characters: NUL in a string as U+FDD0; a number as a string of U+FDD1 and its literal; an
/// empty member name, which json-glib refuses, as U+FDD2. And a long string, such as the contents
/// of a file, stays out of it, since json-glib would look at it byte by byte and copy it: U+FDD3
/// and its number stand for it.
namespace frostline::json {

/// What is between the grammar and json-glib.
struct StrictJson {
    std::string text;
    std::vector<std::string> long_strings; ///< by their number
};

/// Appends a string, or a member name, as strict JSON with those marks.
void append_marked_string(StrictJson& out, std::string text);
void append_marked_key(std::string& out, std::string_view key);
/// Appends a number literal: plain where json-glib reads it right (integers of up to 18 digits).
void append_marked_number(std::string& out, std::string_view literal, bool real);

/// Parses strict JSON made by the functions above. An error here is a fault of ours: the text has
/// been checked before.
[[nodiscard]] Result<Value> build_tree(StrictJson strict);

} // namespace frostline::json
