// SPDX-License-Identifier: Apache-2.0
#include "common/base64.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

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

/// Two characters for each twelve bits.
constexpr std::array<std::array<char, 2>, 4096> make_pairs()
{
    std::array<std::array<char, 2>, 4096> pairs{};
    for (std::size_t bits = 0; bits < pairs.size(); ++bits) {
        pairs.at(bits) = {alphabet[bits >> 6U], alphabet[bits & 0x3FU]};
    }
    return pairs;
}

constexpr std::array<std::array<char, 2>, 4096> pairs = make_pairs();

Failure wrong(const char* what)
{
    return fail(ErrorKind::invalid_argument, what);
}

std::uint32_t byte_at(std::string_view text, std::size_t at)
{
    return static_cast<unsigned char>(text[at]);
}

/// The 24 bits of the four characters at the front, if they are a group without padding.
std::optional<std::uint32_t> whole_group(std::string_view text)
{
    const std::uint32_t first = values[byte_at(text, 0)];
    const std::uint32_t second = values[byte_at(text, 1)];
    const std::uint32_t third = values[byte_at(text, 2)];
    const std::uint32_t fourth = values[byte_at(text, 3)];
    if (((first | second | third | fourth) & 0x80U) != 0) { // what has no value is above 0x80
        return std::nullopt;
    }
    return first << 18U | second << 12U | third << 6U | fourth;
}

/// Four characters, gathered one by one, and the up to three bytes they stand for.
class Group {
public:
    /// The number of bytes now written to `out`. nullopt: this padding cannot stand here.
    [[nodiscard]] std::optional<std::size_t> take(std::uint8_t value, char* out)
    {
        const bool pads = value == padding;
        if (pads ? count_ < 2 : padded_ > 0) {
            return std::nullopt;
        }
        padded_ += pads ? 1 : 0;
        bits_ = (bits_ << 6U) | (pads ? 0U : value);
        if (++count_ < 4) {
            return 0;
        }
        const std::size_t made = 3 - padded_;
        for (std::size_t at = 0; at < made; ++at) {
            out[at] = static_cast<char>((bits_ >> (16U - 8U * at)) & 0xFFU);
        }
        *this = Group{};
        return made;
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
    std::string out((bytes.size() + 2) / 3 * 4, '=');
    char* to = out.data();
    for (; bytes.size() >= 3; bytes.remove_prefix(3)) {
        const std::uint32_t bits =
            byte_at(bytes, 0) << 16U | byte_at(bytes, 1) << 8U | byte_at(bytes, 2);
        to = std::copy_n(pairs[bits >> 12U].data(), 2, to);
        to = std::copy_n(pairs[bits & 0xFFFU].data(), 2, to);
    }
    if (!bytes.empty()) {
        const std::uint32_t bits =
            byte_at(bytes, 0) << 16U | (bytes.size() == 2 ? byte_at(bytes, 1) << 8U : 0U);
        to = std::copy_n(pairs[bits >> 12U].data(), 2, to);
        if (bytes.size() == 2) {
            *to = alphabet[(bits >> 6U) & 0x3FU];
        }
    }
    return out;
}

Result<std::string> decode(std::string_view text)
{
    std::string out(text.size() / 4 * 3, '\0');
    std::size_t to = 0;
    Group group;
    while (!text.empty()) {
        // Nearly all of a file's contents are whole groups without anything between them.
        for (; !group.under_way() && text.size() >= 4; text.remove_prefix(4)) {
            const std::optional<std::uint32_t> bits = whole_group(text);
            if (!bits) {
                break;
            }
            out[to++] = static_cast<char>(*bits >> 16U);
            out[to++] = static_cast<char>((*bits >> 8U) & 0xFFU);
            out[to++] = static_cast<char>(*bits & 0xFFU);
        }
        if (text.empty()) {
            break;
        }
        const std::uint8_t value = values[byte_at(text, 0)];
        text.remove_prefix(1);
        if (value == invalid) {
            return wrong("Base64 data contains invalid characters");
        }
        if (value == line_feed) {
            continue;
        }
        const std::optional<std::size_t> made = group.take(value, &out[to]);
        if (!made) {
            return wrong("Base64 data has '=' where it cannot stand: only at the end of a group");
        }
        to += *made;
    }
    if (group.under_way()) {
        return wrong("Base64 data is cut short: its last group has fewer than four characters");
    }
    out.resize(to);
    return out;
}

} // namespace frostline::base64
