// SPDX-License-Identifier: Apache-2.0
#include "common/wire/splitter.hpp"

#include "common/json/write.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace frostline::wire {
namespace {

using Lines = std::vector<std::string>;

/// Messages as they would be written, errors behind "! ".
Lines lines_of(const std::vector<Result<json::Value>>& events)
{
    Lines out;
    for (const Result<json::Value>& event : events) {
        out.push_back(event ? json::write(*event) : "! " + event.error().message());
    }
    return out;
}

Lines feed(std::string_view bytes)
{
    Splitter splitter;
    return lines_of(splitter.feed(bytes));
}

Lines feed_in_pieces(std::string_view bytes, std::size_t size)
{
    Splitter splitter;
    Lines out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
        for (std::string& line : lines_of(splitter.feed(bytes.substr(0, size)))) {
            out.push_back(std::move(line));
        }
    }
    return out;
}

const std::string stray = "! JSON parse error, stray '";
const std::string value_expected = "! JSON parse error, expecting value";

TEST(Splitter, NeedsNoNewline)
{
    EXPECT_EQ(feed("{'a':1}{'b':2}[3]"), (Lines{R"({"a": 1})", R"({"b": 2})", "[3]"}));
    EXPECT_EQ(feed(" \t\r\n{ \n'a'\r\n:\t1 } "), (Lines{R"({"a": 1})"}));
    EXPECT_EQ(feed(""), Lines{});
    EXPECT_EQ(feed("{'a':"), Lines{});
}

TEST(Splitter, ScalarsNeedTheNextByteButStringsDoNot)
{
    EXPECT_EQ(feed("12"), Lines{});
    EXPECT_EQ(feed("12\n"), Lines{"12"});
    EXPECT_EQ(feed("null "), Lines{"null"});
    EXPECT_EQ(feed("'x'"), Lines{"\"x\""});
    EXPECT_EQ(feed("0e1\n"), (Lines{"0", "! JSON parse error, invalid keyword 'e'", "1"}));
}

TEST(Splitter, EachResetByteCostsOneError)
{
    EXPECT_EQ(feed("\xFF\xFF\xFF\n"), (Lines(3, stray + "\xFF'")));
    EXPECT_EQ(feed("\xFE{'a':1}"), (Lines{stray + "\xFE'", R"({"a": 1})"}));
    EXPECT_EQ(feed("\x01\n"), Lines{stray + "\x01'"});
    EXPECT_EQ(feed(std::string_view{"\0\n", 2}), Lines{stray + "'"});
    EXPECT_EQ(feed("\xFF{'a':1}"), (Lines{stray + "\xFF'", R"({"a": 1})"}));
    EXPECT_EQ(feed("\x1b{'a':1}"), (Lines{stray + "\x1b'", R"({"a": 1})"}));
}

TEST(Splitter, ResetDropsTheMessageUnderWay)
{
    EXPECT_EQ(feed("{\"execute\":\"guest-p\xFF{'a':1}"),
              (Lines{stray + "\"guest-p\xFF'", R"({"a": 1})"}));
    EXPECT_EQ(feed("{'a':[[1,\xFF{'a':1}"), (Lines{stray + "\xFF'", R"({"a": 1})"}));
}

TEST(Splitter, NewlineEndsAMessageThatWasCutInAString)
{
    EXPECT_EQ(feed("{\"execute\":\"guest-p\n{'a':1}\n"),
              (Lines{stray + "\"guest-p\n'", R"({"a": 1})"}));
    EXPECT_EQ(feed("{'a':'\t"), Lines{stray + "'\t'"});
}

TEST(Splitter, AfterAStrayByteItSkipsToAStructuralOne)
{
    EXPECT_EQ(feed("GET / HTTP\n{'a':1}"), (Lines{stray + "G'", R"({"a": 1})"}));
    EXPECT_EQ(feed("%\t'x' 12 {'a':1}"), (Lines{stray + "%'", R"({"a": 1})"}));
    EXPECT_EQ(feed("[+1]"), (Lines{stray + "+'", value_expected}));
    EXPECT_EQ(feed("%%%:"), (Lines{stray + "%'", value_expected}));
}

TEST(Splitter, SurplusClosersAreErrorsOfTheirOwn)
{
    EXPECT_EQ(feed("}"), Lines{value_expected});
    EXPECT_EQ(feed("]}]"), (Lines(3, value_expected)));
    EXPECT_EQ(feed("{'a':1}}{'a':2}"), (Lines{R"({"a": 1})", value_expected, R"({"a": 2})"}));
}

TEST(Splitter, ReportsAWrongTokenAtOnceAndDropsTheRest)
{
    EXPECT_EQ(feed("{'a' 1,"), Lines{"! JSON parse error, missing : in object pair"});
    EXPECT_EQ(feed("{'a' 1, [{}], +2, {'b': 'x' 'y'}}{'c':3}"),
              (Lines{"! JSON parse error, missing : in object pair", R"({"c": 3})"}));
    EXPECT_EQ(feed("{'a':}{'c':3}"), (Lines{value_expected, R"({"c": 3})"}));
    EXPECT_EQ(feed("{'a':1,'a':2}{'c':3}"),
              (Lines{"! JSON parse error, duplicate key", R"({"c": 3})"}));
    EXPECT_EQ(feed("hello\n{'c':3}"),
              (Lines{"! JSON parse error, invalid keyword 'hello'", R"({"c": 3})"}));
}

TEST(Splitter, ResetAlsoEndsADroppedMessage)
{
    EXPECT_EQ(feed("{'a':[}'x'\xFF{'c':3}"),
              (Lines{value_expected, stray + "\xFF'", R"({"c": 3})"}));
}

TEST(Splitter, WrongBracketsDoNotMakeItDeaf)
{
    EXPECT_EQ(feed("{'a':[}\n{'c':3}\n"), (Lines{value_expected, R"({"c": 3})"}));
    EXPECT_EQ(feed("{'a':[}  {'c':3}\n"), Lines{value_expected});
    // A message whose end never came: the one after it is taken for its inside or rest, and the
    // next in the first column begins anew.
    EXPECT_EQ(feed("{'execute':\n{'a':1}\n{'b':2}\n"),
              (Lines{"! JSON parse error, expected separator in dict", R"({"b": 2})"}));
    EXPECT_EQ(feed("{'execute':'x',\n{'b':2}\n"),
              (Lines{"! JSON parse error, key is not a string in object", R"({"b": 2})"}));
}

TEST(Splitter, AMessageMayHaveObjectsInTheFirstColumn)
{
    EXPECT_EQ(feed("\n{'a':\n{'b':[\n{}]}}\n"), Lines{R"({"a": {"b": [{}]}})"});
}

TEST(Splitter, ResetForgetsAnotherClientsBytes)
{
    Splitter splitter;
    EXPECT_EQ(lines_of(splitter.feed("{'a':'xy")), Lines{});
    splitter.reset();
    EXPECT_EQ(lines_of(splitter.feed("{'b':2}")), Lines{R"({"b": 2})"});
}

TEST(Splitter, ChunksMakeNoDifference)
{
    const std::string input =
        "{\"execute\": 'gu\\u20AC\xE2\x82\xAC', \"arguments\": {\"id\": -12.5e+3, 'x': [true, "
        "null,1]}}\n12 \xFF\xFF{'a':1}}hello [0e1]{'a' 1}\r\n\"abc\n{'a':[}\n{'c':'\xFE'}'z'7 ";
    const Lines whole = feed(input);
    EXPECT_EQ(whole.size(), 15U);
    for (std::size_t size = 1; size < input.size(); ++size) {
        EXPECT_EQ(feed_in_pieces(input, size), whole) << size;
    }
    for (std::size_t at = 1; at < input.size(); ++at) {
        Splitter splitter;
        Lines halves = lines_of(splitter.feed(input.substr(0, at)));
        for (std::string& line : lines_of(splitter.feed(input.substr(at)))) {
            halves.push_back(std::move(line));
        }
        EXPECT_EQ(halves, whole) << at;
    }
}

TEST(Splitter, AnswersAfterAnyGarbage)
{
    std::mt19937 random{20260101}; // the same bytes every time
    const std::string_view likely = "{}[]:,'\"\\ \n0e1.-tru\xFF\xC3";
    for (int round = 0; round < 3000; ++round) {
        std::string garbage;
        for (std::size_t length = random() % 64; length > 0; --length) {
            garbage += random() % 4 == 0 ? static_cast<char>(random() % 256)
                                         : likely[random() % likely.size()];
        }
        const Lines lines = feed(garbage + "\xFF\n{\"execute\": \"guest-ping\"}");
        ASSERT_FALSE(lines.empty());
        EXPECT_EQ(lines.back(), R"({"execute": "guest-ping"})") << garbage;
        EXPECT_EQ(feed_in_pieces(garbage, 1), feed(garbage)) << garbage;
    }
}

TEST(Splitter, TakesTenThousandRequestsInOneWrite)
{
    std::string input;
    Lines expected;
    for (int i = 0; i < 10'000; ++i) {
        expected.push_back(R"({"execute": "guest-sync", "arguments": {"id": )" + std::to_string(i) +
                           "}}");
        input += expected.back();
    }
    EXPECT_EQ(feed(input), expected);
    EXPECT_EQ(feed_in_pieces(input, 1), expected);
}

} // namespace
} // namespace frostline::wire
