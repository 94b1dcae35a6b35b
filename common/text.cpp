// SPDX-License-Identifier: Apache-2.0
#include "common/text.hpp"

#include <glib.h>

namespace frostline::text {

namespace {

constexpr std::string_view white = " \t\r\n\f\v";

void append_escaped(std::string& out, unsigned char byte)
{
    constexpr std::string_view digits = "0123456789abcdef";
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
}

} // namespace

std::string_view trim(std::string_view text)
{
    const std::size_t first = text.find_first_not_of(white);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = text.find(separator);
        if (const std::string_view part = trim(text.substr(0, end)); !part.empty()) {
            parts.emplace_back(part);
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator)
{
    std::string out;
    for (std::size_t at = 0; at < parts.size(); ++at) {
        out += at == 0 ? std::string_view{} : separator;
        out += parts[at];
    }
    return out;
}

namespace {

std::string make_printable(std::string_view text, std::size_t most, bool keep_lines)
{
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (out.size() >= most) {
            return out + "...";
        }
        const char* start = text.data() + at;
        const auto left = static_cast<gssize>(text.size() - at);
        const gunichar point = g_utf8_get_char_validated(start, left);
        const bool bad = point == static_cast<gunichar>(-1) || point == static_cast<gunichar>(-2);
        const bool kept = keep_lines && (point == '\n' || point == '\t');
        if (!kept && (bad || point < 0x20 || (point >= 0x7F && point < 0xA0))) {
            append_escaped(out, static_cast<unsigned char>(*start));
            ++at;
            continue;
        }
        const auto length = static_cast<std::size_t>(g_utf8_next_char(start) - start);
        out.append(start, length);
        at += length;
    }
    return out;
}

} // namespace

std::string printable(std::string_view text, std::size_t most)
{
    return make_printable(text, most, false);
}

std::string printable_lines(std::string_view text, std::size_t most)
{
    return make_printable(text, most, true);
}

std::string_view last_line(std::string_view text)
{
    text = trim(text);
    const std::size_t end = text.find_last_of('\n');
    return trim(end == std::string_view::npos ? text : text.substr(end + 1));
}

bool valid_utf8(std::string_view text)
{
    // GLib refuses NUL, which is a character like any other here: look at what is between them.
    for (;;) {
        const std::size_t nul = text.find('\0');
        const std::string_view part = text.substr(0, nul);
        if (!part.empty() && g_utf8_validate_len(part.data(), part.size(), nullptr) == FALSE) {
            return false;
        }
        if (nul == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(nul + 1);
    }
}

} // namespace frostline::text
