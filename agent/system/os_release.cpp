// SPDX-License-Identifier: Apache-2.0
#include "system/os_release.hpp"

#include "common/text.hpp"
#include "system/words.hpp"

#include <cstddef>
#include <optional>

namespace frostline::system {

namespace {

bool is_name(std::string_view text)
{
    constexpr std::string_view allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// As a shell does, and beyond it \' , which writers of such files rely on.
std::optional<std::string> double_quoted(std::string_view text)
{
    constexpr std::string_view escapable = "$'\"\\`";
    std::string value;
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            return value;
        }
        if (text[at] == '\\' && at + 1 < text.size() &&
            escapable.find(text[at + 1]) != std::string_view::npos) {
            ++at;
        }
        value += text[at];
    }
    return std::nullopt;
}

std::optional<std::string> single_quoted(std::string_view text)
{
    const std::size_t end = text.find('\'', 1);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    return std::string{text.substr(1, end - 1)};
}

std::optional<std::string> unquoted(std::string_view text)
{
    std::string value;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == ' ' || text[at] == '\t' || text[at] == ';') {
            break;
        }
        if (text[at] == '\\' && at + 1 < text.size()) {
            ++at;
        }
        value += text[at];
    }
    return value;
}

std::optional<std::string> value_of(std::string_view text)
{
    if (text.empty()) {
        return std::string{};
    }
    switch (text.front()) {
    case '"':
        return double_quoted(text);
    case '\'':
        return single_quoted(text);
    default:
        return unquoted(text);
    }
}

} // namespace

std::map<std::string, std::string, std::less<>> parse_assignments(std::string_view text)
{
    std::map<std::string, std::string, std::less<>> found;
    while (!text.empty()) {
        const std::string_view line = text::trim(take_line(text));
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || line.front() == '#' || !text::valid_utf8(line)) {
            continue;
        }
        // A shell wants no blanks around the sign, but qemu-ga's reader takes them.
        const std::string_view name = text::trim(line.substr(0, equals));
        const std::optional<std::string> value = value_of(text::trim(line.substr(equals + 1)));
        if (is_name(name) && value) {
            found.insert_or_assign(std::string{name}, *value);
        }
    }
    return found;
}

} // namespace frostline::system
