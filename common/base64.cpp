// SPDX-License-Identifier: Apache-2.0
#include "common/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace frostline::base64 {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t invalid = 0xFF;
constexpr std::uint8_t padding = 0xFE;
constexpr std::uint8_t line_feed = 0xFD;

constexpr std::array<std::uint8_t, 256> make_values()
{
    std::array<std::uint8_t, 256> values{};
    for (std::uint8_t& value : values) {
        value = invalid;
    }
    for (std::size_t at = 0; at < alphabet.size(); ++at) {
        values[static_cast<unsigned char>(alphabet[at])] = static_cast<std::uint8_t>(at);
    }
    values['='] = padding;
    values['\n'] = line_feed;
    return values;
}

constexpr std::array<std::uint8_t, 256> values = make_values();

Failure wrong(const char* what)
{
    return fail(ErrorKind::invalid_argument, what);
}

/// Four characters, gathered one by one, and the up to three bytes they stand for.
class Group {
public:
    /// False: this padding cannot stand here.
    [[nodiscard]] bool take(std::uint8_t value, std::string& out)
    {
        const bool pads = value == padding;
        if (pads ? count_ < 2 : padded_ > 0) {
            return false;
        }
        padded_ += pads ? 1 : 0;
        bits_ = (bits_ << 6U) | (pads ? 0U : value);
        if (++count_ == 4) {
            for (unsigned at = 0; at + padded_ < 3; ++at) {
                out += static_cast<char>((bits_ >> (16U - 8U * at)) & 0xFFU);
            }
            *this = Group{};
        }
        return true;
    }
    [[nodiscard]] bool under_way() const { return count_ > 0; }

private:
    std::uint32_t bits_ = 0;
    unsigned count_ = 0;
    unsigned padded_ = 0;
};

} // namespace

std::string encode(std::string_view bytes)
{
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t bits = 0;
        const std::size_t count = bytes.size() - at < 3 ? bytes.size() - at : 3;
        for (std::size_t index = 0; index < 3; ++index) {
            bits =
                (bits << 8U) | (index < count ? static_cast<unsigned char>(bytes[at + index]) : 0U);
        }
        for (std::size_t index = 0; index < 4; ++index) {
            out += index <= count ? alphabet[(bits >> (18U - 6U * index)) & 0x3FU] : '=';
        }
    }
    return out;
}

Result<std::string> decode(std::string_view text)
{
    std::string out;
    out.reserve(text.size() / 4 * 3);
    Group group;
    for (const char c : text) {
        const std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (value == invalid) {
            return wrong("Base64 data contains invalid characters");
        }
        if (value != line_feed && !group.take(value, out)) {
            return wrong("Base64 data has '=' where it cannot stand: only at the end of a group");
        }
    }
    if (group.under_way()) {
        return wrong("Base64 data is cut short: its last group has fewer than four characters");
    }
    return out;
}

} // namespace frostline::base64
