// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

/// For the tables that the kernel prints: lines of words between blanks.
namespace frostline::system {

/// The text up to the next line feed, which is taken off `rest` together with it.
[[nodiscard]] inline std::string_view take_line(std::string_view& rest)
{
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
}

[[nodiscard]] inline std::vector<std::string_view> words(std::string_view line)
{
    constexpr std::string_view blanks = " \t\r";
    std::vector<std::string_view> found;
    for (std::size_t at = line.find_first_not_of(blanks); at != std::string_view::npos;) {
        const std::size_t end = line.find_first_of(blanks, at);
        found.push_back(line.substr(at, end - at));
        at = line.find_first_not_of(blanks, end);
    }
    return found;
}

/// The number that the whole word is; nothing when it is none or does not fit.
template <typename Number>
[[nodiscard]] std::optional<Number> number(std::string_view word, int base = 10)
{
    Number value{};
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value, base);
    return error == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

} // namespace frostline::system
