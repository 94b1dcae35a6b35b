// SPDX-License-Identifier: Apache-2.0
#include "common/json/utf8.hpp"

namespace frostline::json {

namespace {

struct Lead {
    std::size_t length; ///< of the whole sequence; 0: no byte can lead with this
    std::int32_t bits;
    std::int32_t least; ///< what is below this is overlong
};

Lead lead_of(unsigned char byte) noexcept
{
    if (byte < 0x80) {
        return {1, byte, 0};
    }
    if (byte >= 0xC0 && byte < 0xE0) {
        return {2, byte & 0x1F, 0x80};
    }
    if (byte >= 0xE0 && byte < 0xF0) {
        return {3, byte & 0x0F, 0x800};
    }
    if (byte >= 0xF0 && byte < 0xF8) {
        return {4, byte & 0x07, 0x10000};
    }
    return {0, 0, 0};
}

char to_byte(std::int32_t value) noexcept
{
    return static_cast<char>(static_cast<unsigned char>(value));
}

} // namespace

bool is_non_character(std::int32_t point) noexcept
{
    return (point >= 0xFDD0 && point <= 0xFDEF) || (point & 0xFFFE) == 0xFFFE;
}

CodePoint decode_utf8(std::string_view text) noexcept
{
    const Lead lead = lead_of(static_cast<unsigned char>(text.front()));
    if (lead.length == 0) {
        return {-1, 1};
    }
    std::int32_t point = lead.bits;
    for (std::size_t at = 1; at < lead.length; ++at) {
        if (at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) {
            return {-1, at};
        }
        point = (point << 6) | (static_cast<unsigned char>(text[at]) & 0x3F);
    }
    const bool modified_nul = lead.length == 2 && point == 0;
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if ((point < lead.least && !modified_nul) || point > 0x10FFFF || surrogate ||
        is_non_character(point)) {
        return {-1, lead.length};
    }
    return {point, lead.length};
}

void append_utf8(std::string& out, std::int32_t point)
{
    if (point < 0x80) {
        out += to_byte(point);
    } else if (point < 0x800) {
        out += to_byte(0xC0 | (point >> 6));
        out += to_byte(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        out += to_byte(0xE0 | (point >> 12));
        out += to_byte(0x80 | ((point >> 6) & 0x3F));
        out += to_byte(0x80 | (point & 0x3F));
    } else {
        out += to_byte(0xF0 | (point >> 18));
        out += to_byte(0x80 | ((point >> 12) & 0x3F));
        out += to_byte(0x80 | ((point >> 6) & 0x3F));
        out += to_byte(0x80 | (point & 0x3F));
    }
}

} // namespace frostline::json
