// SPDX-License-Identifier: Apache-2.0
#include "common/json/strings.hpp"

#include "common/json/plain_text.hpp"
#include "common/json/utf8.hpp"

#include <charconv>
#include <cstdint>

namespace frostline::json {

namespace {

/// Four hexadecimal digits at the front; -1 when there are none.
std::int32_t hex4(std::string_view text)
{
    std::int32_t value = 0;
    const std::string_view digits = text.substr(0, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    const bool good = error == std::errc{} && digits.size() == 4 && digits.front() != '-' &&
                      end == digits.data() + digits.size();
    return good ? value : -1;
}

/// `rest` begins at the backslash of a \u escape; takes it (or a surrogate pair of two) away.
Result<std::int32_t> unicode_escape(std::string_view& rest)
{
    const std::string_view escape = rest.substr(0, 6);
    std::int32_t point = hex4(rest.substr(2));
    std::size_t length = escape.size();
    if (point >= 0xD800 && point <= 0xDBFF && rest.substr(6, 2) == "\\u") {
        const std::int32_t low = hex4(rest.substr(8));
        if (low >= 0xDC00 && low <= 0xDFFF) {
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            length = 12;
        }
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < 0 || surrogate || is_non_character(point)) {
        return fail(ErrorKind::protocol,
                    std::string{rest.substr(0, length)} + " is not a valid Unicode character");
    }
    rest.remove_prefix(length);
    return point;
}

/// `rest` begins at a backslash; what follows it is inside the quotes, since the lexer saw to that.
Result<std::int32_t> escape(std::string_view& rest)
{
    constexpr std::string_view names = "bfnrt/\\\"'";
    constexpr std::string_view meanings = "\b\f\n\r\t/\\\"'";
    if (rest[1] == 'u') {
        return unicode_escape(rest);
    }
    const std::size_t found = names.find(rest[1]);
    if (found == std::string_view::npos) {
        return fail(ErrorKind::protocol, "invalid escape sequence in string");
    }
    rest.remove_prefix(2);
    return std::int32_t{meanings[found]};
}

} // namespace

Result<std::string> decode_string(std::string_view token)
{
    std::string_view rest = token.substr(1, token.size() - 2);
    std::string out;
    out.reserve(rest.size());
    while (!rest.empty()) {
        const std::size_t plain = plain_prefix(rest);
        out += rest.substr(0, plain);
        rest.remove_prefix(plain);
        if (rest.empty()) {
            break;
        }
        if (rest.front() == '\\') {
            const Result<std::int32_t> point = escape(rest);
            if (!point) {
                return fail(point.error());
            }
            append_utf8(out, *point);
            continue;
        }
        const CodePoint point = decode_utf8(rest);
        if (point.value < 0) {
            return fail(ErrorKind::protocol, "invalid UTF-8 sequence in string");
        }
        append_utf8(out, point.value);
        rest.remove_prefix(point.length);
    }
    return out;
}

} // namespace frostline::json
