// SPDX-License-Identifier: Apache-2.0
#include "common/json/plain_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace frostline::json {

namespace {

/// Sixteen characters that the processor compares at once (GCC and clang, any processor).
using Characters = signed char __attribute__((vector_size(16)));

constexpr std::size_t block = 4 * sizeof(Characters);

bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\'' && c != '\\';
}

bool all_plain(const char* from)
{
    Characters special{};
    for (std::size_t at = 0; at < block; at += sizeof special) {
        Characters some;
        std::memcpy(&some, from + at, sizeof some);
        // Bytes above ASCII are negative.
        special |= (some < 0x20) | (some == 0x7F) | (some == '"') | (some == '\'') | (some == '\\');
    }
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&low, &special, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&special) + sizeof low, sizeof high);
    return (low | high) == 0;
}

} // namespace

std::size_t plain_prefix(std::string_view text) noexcept
{
    std::size_t at = 0;
    while (text.size() - at >= block && all_plain(text.data() + at)) {
        at += block;
    }
    const auto end = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                                  [](char c) { return !is_plain(c); });
    return static_cast<std::size_t>(end - text.begin());
}

} // namespace frostline::json
