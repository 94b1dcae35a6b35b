// SPDX-License-Identifier: Apache-2.0
#include "common/base64.hpp"
#include "common/json/lexer.hpp"
#include "common/json/parse.hpp"
#include "common/json/plain_text.hpp"
#include "common/json/write.hpp"
#include "common/wire/splitter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

// Long texts are taken in runs and blocks. What is special must be seen at each place of a block,
// and the pieces that bytes come in must not matter.
namespace frostline::json {
namespace {

constexpr std::size_t longer_than_a_block = 200;
constexpr std::size_t kept_aside = 5000; // longer than what json-glib gets to see

TEST(PlainText, EverySpecialByteIsSeenAtEveryPlace)
{
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool special = byte < 0x20 || byte > 0x7E || c == '"' || c == '\'' || c == '\\';
        for (std::size_t at = 0; at < longer_than_a_block; ++at) {
            std::string text(longer_than_a_block, 'x');
            text[at] = c;
            ASSERT_EQ(plain_prefix(text), special ? at : text.size()) << byte << " at " << at;
        }
    }
}

TEST(PlainText, EveryLengthEndsWhereItEnds)
{
    const std::string text = std::string(longer_than_a_block, 'x') + '"';
    for (std::size_t length = 0; length <= longer_than_a_block; ++length) {
        ASSERT_EQ(plain_prefix(std::string_view{text}.substr(0, length)), length);
    }
}

TEST(LongText, EscapesAtEveryPlaceOfABlockAreRead)
{
    for (std::size_t at = 0; at < longer_than_a_block; ++at) {
        const std::string before(at, 'a');
        const std::string after(longer_than_a_block - at, 'b');
        const auto value = parse("\"" + before + R"(\"\u0000\n')" + "\xC3\xA9" + after + "\"");
        ASSERT_TRUE(value) << value.error().message();
        ASSERT_EQ(*value->as_string(), before + std::string("\"\0\n'", 4) + "\xC3\xA9" + after);
        ASSERT_EQ(write(*value), "\"" + before + R"(\"\u0000\n')" + R"(\u00E9)" + after + "\"");
    }
}

TEST(LongText, WhatIsKeptAsideComesBackInItsPlace)
{
    const std::string first(kept_aside, 'a');
    const std::string second = std::string(kept_aside, 'b') + std::string("\0\"\\\x01", 4);
    const std::string key(kept_aside, 'k');
    Object inner;
    inner.append(key, second);
    inner.append("short", "0");
    Object object;
    object.append("list", Array{Value{first}, Value{1}, Value{second}, Value{std::move(inner)}});
    object.append("last", first);
    const Value value{std::move(object)};
    const auto again = parse(write(value));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_TRUE(*again == value);
}

TEST(LongText, AStringThatLooksLikeAMarkIsRefusedAndNotTakenForOne)
{
    const auto value = parse("[\"" + std::string(kept_aside, 'a') + "\", \"\xEF\xB7\x93" + "0\"]");
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().message(), "JSON parse error, invalid UTF-8 sequence in string");
}

TEST(LongText, PiecesOfAnySizeMakeTheSameMessage)
{
    const std::string text = R"({"a": ")" + std::string(kept_aside, 'x') + R"(\\\"')" +
                             std::string(longer_than_a_block, 'y') + R"(", 'b': '")" +
                             std::string(kept_aside, 'z') + "'}";
    const auto whole = parse(text);
    ASSERT_TRUE(whole);
    for (const std::size_t piece : {1U, 2U, 63U, 64U, 65U, 1000U, 4096U}) {
        wire::Splitter splitter;
        std::vector<Result<Value>> events;
        for (std::size_t at = 0; at < text.size(); at += piece) {
            for (auto& event : splitter.feed(std::string_view{text}.substr(at, piece))) {
                events.push_back(std::move(event));
            }
        }
        ASSERT_EQ(events.size(), 1U) << piece;
        ASSERT_TRUE(events.front()) << events.front().error().message();
        EXPECT_TRUE(*events.front() == *whole) << piece;
    }
}

TEST(LongText, TheBudgetIsMetAtTheSameByteInARunAndInPieces)
{
    const std::string text = "\"" + std::string(longer_than_a_block, 'x') + "\" ";
    const std::size_t length = text.size() - 1;
    for (std::size_t budget = 1; budget < length + 3; ++budget) {
        std::vector<TokenType> types[2];
        std::size_t left[2] = {0, 0};
        for (const std::size_t piece : {std::size_t{1}, text.size()}) {
            Lexer lexer;
            auto& seen = types[piece == 1 ? 0 : 1];
            for (std::size_t at = 0; at < text.size(); at += piece) {
                std::string_view bytes = std::string_view{text}.substr(at, piece);
                while (const auto token = lexer.next(bytes, budget)) {
                    if (token->type == TokenType::excess && seen.empty()) {
                        left[piece == 1 ? 0 : 1] = text.size() - at - piece + bytes.size();
                    }
                    seen.push_back(token->type);
                }
            }
        }
        ASSERT_EQ(types[0], types[1]) << budget;
        ASSERT_EQ(left[0], left[1]) << budget;
        ASSERT_EQ(types[0].front() == TokenType::excess, budget <= length) << budget;
    }
}

TEST(LongText, Base64WithALineFeedOrAWrongByteAtEveryPlace)
{
    const std::string bytes(longer_than_a_block, '\xA7');
    const std::string coded = base64::encode(bytes);
    for (std::size_t at = 0; at <= coded.size(); ++at) {
        std::string text = coded;
        const auto broken = base64::decode(text.insert(at, "\n"));
        ASSERT_TRUE(broken) << at;
        ASSERT_EQ(*broken, bytes) << at;
        text[at] = '*';
        const auto wrong = base64::decode(text);
        ASSERT_FALSE(wrong) << at;
        ASSERT_EQ(wrong.error().message(), "Base64 data contains invalid characters");
    }
}

} // namespace
} // namespace frostline::json
