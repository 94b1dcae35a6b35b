// SPDX-License-Identifier: Apache-2.0
#include "common/json/parse.hpp"

#include "common/json/write.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace frostline::json {
namespace {

std::string error_of(std::string_view text)
{
    const Result<Value> value = parse(text);
    return value ? "accepted as " + write(*value) : value.error().message();
}

std::string written(std::string_view text)
{
    const Result<Value> value = parse(text);
    return value ? write(*value) : value.error().message();
}

TEST(JsonParse, KeepsTypesApart)
{
    EXPECT_EQ(*parse("null"), Value{});
    EXPECT_EQ(*parse(" true\n"), Value{true});
    EXPECT_EQ(*parse("false"), Value{false});
    EXPECT_EQ(*parse("0"), Value{0});
    EXPECT_EQ(*parse("-0"), Value{0});
    EXPECT_EQ(*parse("-0.0")->as_double(), 0.0);
    EXPECT_EQ(*parse("1.0"), Value{1.0});
    EXPECT_EQ(*parse("1e3"), Value{1000.0});
    EXPECT_EQ(*parse("1E+3"), Value{1000.0});
    EXPECT_EQ(*parse("0.0e1"), Value{0.0});
    EXPECT_EQ(*parse("-1.5e-1"), Value{-0.15});
    EXPECT_EQ(*parse("\"x\""), Value{"x"});
    EXPECT_EQ(*parse("[]"), Value{Array{}});
    EXPECT_EQ(*parse("{}"), Value{Object{}});
}

TEST(JsonParse, IntegersAreInt64ThenUint64ThenDouble)
{
    EXPECT_EQ(*parse("999999999999999999"), Value{std::int64_t{999999999999999999}});
    EXPECT_EQ(*parse("1000000000000000000"), Value{std::int64_t{1000000000000000000}});
    EXPECT_EQ(*parse("-99999999999999999"), Value{std::int64_t{-99999999999999999}});
    EXPECT_EQ(*parse("9223372036854775807"), Value{INT64_MAX});
    EXPECT_EQ(*parse("-9223372036854775808"), Value{INT64_MIN});
    EXPECT_EQ(*parse("9223372036854775808"), Value{std::uint64_t{9223372036854775808U}});
    EXPECT_EQ(*parse("18446744073709551615"), Value{UINT64_MAX});
    EXPECT_EQ(*parse("18446744073709551616"), Value{18446744073709551616.0});
    EXPECT_EQ(*parse("-9223372036854775809"), Value{-9223372036854775809.0});
}

TEST(JsonParse, HugeNumbersAreInfiniteAndTinyOnesNothing)
{
    EXPECT_TRUE(std::isinf(*parse("1e400")->as_double()));
    EXPECT_TRUE(std::isinf(*parse(std::string(100'000, '9'))->as_double()));
    EXPECT_LT(*parse("-1e400")->as_double(), 0);
    EXPECT_EQ(*parse("1e-400")->as_double(), 0.0);
    EXPECT_EQ(*parse("0.1")->as_double(), 0.1);
    EXPECT_EQ(written("[1e400]"), "[null]");
}

TEST(JsonParse, KeepsTheOrderOfMembers)
{
    EXPECT_EQ(written(R"({"b": 1, "a": {"d": [1, "2", null], "c": true}, "": 3})"),
              R"({"b": 1, "a": {"d": [1, "2", null], "c": true}, "": 3})");
}

TEST(JsonParse, TakesSingleQuotes)
{
    EXPECT_EQ(written(R"({'a': 'say "hi"'})"), R"({"a": "say \"hi\""})");
    EXPECT_EQ(written(R"(['it\'s', "it\'s"])"), R"(["it's", "it's"])");
}

TEST(JsonParse, UndoesEscapes)
{
    EXPECT_EQ(*parse(R"("\b\f\n\r\t\/\\\"\'")")->as_string(), "\b\f\n\r\t/\\\"'");
    EXPECT_EQ(*parse(R"("\u0041\u00e9\u20AC\uD834\udd1e")")->as_string(), "Aé€𝄞");
    EXPECT_EQ(*parse("\"é€𝄞\x7f\"")->as_string(), "é€𝄞\x7f");
    EXPECT_EQ(*parse(R"("\u0001\u001f")")->as_string(), "\x01\x1f");
    EXPECT_EQ(*parse("\"\xEF\xBB\xBF\"")->as_string(), "\xEF\xBB\xBF"); // a mark, but in a string
}

TEST(JsonParse, KeepsNul)
{
    const std::string expected("a\0b", 3);
    EXPECT_EQ(*parse(R"("a\u0000b")")->as_string(), expected);
    EXPECT_EQ(*parse("\"a\xC0\x80"
                     "b\"")
                   ->as_string(),
              expected);
    EXPECT_EQ(written(R"({"\u0000": "\u0000"})"), R"({"\u0000": "\u0000"})");
    EXPECT_EQ(written(R"({"a": 1, "a\u0000": 2})"), R"({"a": 1, "a\u0000": 2})");
}

struct Row {
    std::string input;
    std::string error; ///< after "JSON parse error, "
};

class Refused : public testing::TestWithParam<Row> {};

TEST_P(Refused, WithTheTextOfQemuGa)
{
    EXPECT_EQ(error_of(GetParam().input), "JSON parse error, " + GetParam().error)
        << GetParam().input;
}

INSTANTIATE_TEST_SUITE_P(
    Grammar, Refused,
    testing::Values(
        Row{"", "premature EOI"}, Row{"[1", "premature EOI"},
        Row{R"({"execute": })", "expecting value"}, Row{"}", "expecting value"},
        Row{"]", "expecting value"}, Row{",", "expecting value"}, Row{":", "expecting value"},
        Row{"[,]", "expecting value"}, Row{"[1,]", "expecting value"},
        Row{"{'a':1,}", "expecting value"}, Row{"{,}", "expecting value"},
        Row{"{]", "expecting value"}, Row{"{'a' 1}", "missing : in object pair"},
        Row{"{'a'}", "missing : in object pair"},
        Row{"{'a':1 'b':2}", "expected separator in dict"}, Row{"{'a':[}", "expecting value"},
        Row{"{'a':1]", "expected separator in dict"}, Row{"[1 2]", "expected separator in list"},
        Row{"[1}", "expected separator in list"}, Row{"{1:2}", "key is not a string in object"},
        Row{"{null:2}", "key is not a string in object"},
        Row{"{[]:2}", "key is not a string in object"},
        Row{"{{}:2}", "key is not a string in object"}, Row{"{a:1}", "invalid keyword 'a'"},
        Row{"{'a':1,'a':1}", "duplicate key"}, Row{"{'x':{'a':1,'\\u0061':1}}", "duplicate key"},
        Row{"nul", "invalid keyword 'nul'"}, Row{"[nan]", "invalid keyword 'nan'"},
        Row{"[truefalse]", "invalid keyword 'truefalse'"}, Row{"{} {}", "expecting end of input"},
        Row{"1 2", "expecting end of input"}, Row{"{}x", "expecting end of input"}));

INSTANTIATE_TEST_SUITE_P(Numbers, Refused,
                         testing::Values(Row{"[01]", "stray '01'"}, Row{"[-01]", "stray '-01'"},
                                         Row{"[+1]", "stray '+'"}, Row{"[.5]", "stray '.'"},
                                         Row{"[5.]", "stray '5.]'"}, Row{"[-]", "stray '-]'"},
                                         Row{"[1e]", "stray '1e]'"}, Row{"[1e+]", "stray '1e+]'"},
                                         Row{"[0e1]", "expected separator in list"},
                                         Row{"[-0e1]", "expected separator in list"},
                                         Row{"[0x1]", "expected separator in list"},
                                         Row{"[1.5.2]", "stray '.'"}, Row{"[NaN]", "stray 'N'"},
                                         Row{"[Infinity]", "stray 'I'"},
                                         Row{"[1_000]", "stray '_'"}));

INSTANTIATE_TEST_SUITE_P(
    Strings, Refused,
    testing::Values(Row{"\"a\nb\"", "stray '\"a\n'"}, Row{"\"a\tb\"", "stray '\"a\t'"},
                    Row{"\"a", "stray '\"a'"}, Row{"'a\"", "stray ''a\"'"},
                    Row{"\"a\\\"", "stray '\"a\\\"'"}, Row{"\"\xFF\"", "stray '\"\xFF'"},
                    Row{"\"\xFE\"", "stray '\"\xFE'"},
                    Row{R"("\x41")", "invalid escape sequence in string"},
                    Row{R"("\0")", "invalid escape sequence in string"},
                    Row{R"("\U0041")", "invalid escape sequence in string"},
                    Row{"\"\xC0\x81\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xC1\xBF\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xE0\x80\x80\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\x80\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xE2\x82\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xED\xA0\x80\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xF4\x90\x80\x80\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xF8\x88\x80\x80\x80\"", "invalid UTF-8 sequence in string"},
                    Row{"\"\xEF\xB7\x90\"", "invalid UTF-8 sequence in string"}, // U+FDD0
                    Row{"\"\xEF\xB7\x91\"", "invalid UTF-8 sequence in string"}, // U+FDD1
                    Row{"{'\xEF\xB7\x92':1}", "invalid UTF-8 sequence in string"},
                    Row{"\"\xEF\xBF\xBE\"", "invalid UTF-8 sequence in string"}, // U+FFFE
                    Row{R"("\uFDD1")", R"(\uFDD1 is not a valid Unicode character)"},
                    Row{R"("\uFFFF")", R"(\uFFFF is not a valid Unicode character)"},
                    Row{R"("\uD83F\uDFFF")", R"(\uD83F\uDFFF is not a valid Unicode character)"},
                    Row{R"("\uD800")", R"(\uD800 is not a valid Unicode character)"},
                    Row{R"("\uDC00")", R"(\uDC00 is not a valid Unicode character)"},
                    Row{R"("\uD800\u0041")", R"(\uD800 is not a valid Unicode character)"},
                    Row{R"("\u12")", R"(\u12 is not a valid Unicode character)"},
                    Row{R"("\u-123")", R"(\u-123 is not a valid Unicode character)"},
                    Row{R"("\u")", R"(\u is not a valid Unicode character)"}));

INSTANTIATE_TEST_SUITE_P(WhatJsonGlibWouldTake, Refused,
                         testing::Values(Row{"/* c */ 1", "stray '/'"}, Row{"// c\n1", "stray '/'"},
                                         Row{"# c\n1", "stray '#'"},
                                         Row{"var a = 1;", "invalid keyword 'var'"},
                                         Row{"\xEF\xBB\xBF{}", "stray '\xEF'"},
                                         Row{"[%d]", "stray '%'"}, Row{"\f1", "stray '\f'"}));

TEST(JsonParse, NulByteEndsTheEcho)
{
    EXPECT_EQ(error_of(std::string_view{"\0", 1}), "JSON parse error, stray ''");
    EXPECT_EQ(error_of(std::string_view{"\"ab\0", 4}), "JSON parse error, stray '\"ab'");
}

TEST(JsonParse, EchoesOnlyTheBeginningOfALongToken)
{
    EXPECT_LT(error_of("\"" + std::string(100'000, 'x') + "\n").size(), 100U);
    EXPECT_LT(error_of("[" + std::string(100'000, 'x') + "]").size(), 110U);
}

TEST(JsonParse, NestsOneThousandAndTwentyFourDeep)
{
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    EXPECT_EQ(written(nested(1024)), nested(1024));
    EXPECT_EQ(error_of(nested(1025)), "JSON nesting depth limit exceeded");
    EXPECT_EQ(error_of(std::string(1'000'000, '[')), "JSON nesting depth limit exceeded");

    std::string objects;
    for (int depth = 0; depth < 1024; ++depth) {
        objects += "{'a':";
    }
    EXPECT_TRUE(parse(objects + "1" + std::string(1024, '}')));
    // Levels that were closed again do not count.
    std::string flat = "[";
    for (int i = 0; i < 3000; ++i) {
        flat += "[],";
    }
    EXPECT_TRUE(parse(flat + "[]]"));
}

TEST(JsonParse, ManyMembersTakeLinearTime)
{
    std::string text = "{";
    for (int i = 0; i < 200'000; ++i) {
        text += "'k" + std::to_string(i) + "':1,";
    }
    const Result<Value> value = parse(text + "'last':2}");
    ASSERT_TRUE(value);
    EXPECT_EQ(value->as_object()->members().size(), 200'001U);
}

} // namespace
} // namespace frostline::json
