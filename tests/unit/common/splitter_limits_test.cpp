// SPDX-License-Identifier: Apache-2.0
#include "common/wire/splitter.hpp"

#include "common/json/write.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

// Every limit, first with small numbers, then the real ones. In each case: one error, nothing of
// the rest of that message, and the next request is answered.
namespace frostline::wire {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view next_request = "{'next':1}";
const std::string next_answer = R"({"next": 1})";

Lines run(Splitter& splitter, std::string_view bytes)
{
    Lines out;
    for (const Result<json::Value>& event : splitter.feed(bytes)) {
        out.push_back(event ? json::write(*event) : "! " + event.error().message());
    }
    return out;
}

Lines run(json::Limits limits, const std::string& message)
{
    Splitter whole{limits};
    const Lines out = run(whole, message + std::string{next_request});
    Splitter bytewise{limits};
    Lines pieces;
    for (const char byte : message + std::string{next_request}) {
        for (const std::string& line : run(bytewise, std::string(1, byte))) {
            pieces.push_back(line);
        }
    }
    EXPECT_EQ(pieces, out);
    return out;
}

const Lines too_deep{"! JSON nesting depth limit exceeded", next_answer};
const Lines too_many{"! JSON token count limit exceeded", next_answer};
const Lines too_long{"! JSON token size limit exceeded", next_answer};

TEST(SplitterLimits, Nesting)
{
    const json::Limits limits{3, 1000, 1000};
    EXPECT_EQ(run(limits, "[[{}]]"), (Lines{"[[{}]]", next_answer}));
    EXPECT_EQ(run(limits, "[[[[]]]]"), too_deep);
    EXPECT_EQ(run(limits, "[[{'a':{'b':[[[[1]]]], 'c': '}'}}]]"), too_deep);
}

TEST(SplitterLimits, Tokens)
{
    const json::Limits limits{10, 7, 1000};
    EXPECT_EQ(run(limits, "[1,2,3]"), (Lines{"[1, 2, 3]", next_answer}));
    EXPECT_EQ(run(limits, "[1,2,3,4]"), too_many);
    EXPECT_EQ(run(limits, "[1,2,3,4,5,{'a':[6]}]"), too_many);
}

TEST(SplitterLimits, Text)
{
    const json::Limits limits{10, 100, 20};
    EXPECT_EQ(run(limits, "['abcdefghijklmno']"), (Lines{R"(["abcdefghijklmno"])", next_answer}));
    EXPECT_EQ(run(limits, "[   'abcdefghijklmno' ]").front(), R"(["abcdefghijklmno"])");
    EXPECT_EQ(run(limits, "['abcdefghijklmnop']"), too_long);  // 20 with the last bracket
    EXPECT_EQ(run(limits, "['abcdefghijklmnopq']"), too_long); // 20 with the string
    EXPECT_EQ(run(limits, "['abcdefghijklmnopqrstu', {'x':1}]"), too_long);
    EXPECT_EQ(run(limits, "['abcdefghijkl', 'mno', 'x']"), too_long);
}

TEST(SplitterLimits, TextOfATokenThatStandsAlone)
{
    const json::Limits limits{10, 100, 20};
    EXPECT_EQ(run(limits, "'" + std::string(50, 'x') + "'"), too_long);
    EXPECT_EQ(run(limits, std::string(50, '7') + " "), too_long);
    EXPECT_EQ(run(limits, std::string(20, '7') + " "), too_long);
    EXPECT_EQ(run(limits, std::string(19, '7') + " ").front(), std::string(19, '7'));
    EXPECT_EQ(run(limits, std::string(50, 'x') + " "), too_long);
}

TEST(SplitterLimits, StringWithoutEndIsEndedByTheLine)
{
    const json::Limits limits{10, 100, 20};
    EXPECT_EQ(run(limits, "{'a':'" + std::string(500, 'x') + "\n"), too_long);
    EXPECT_EQ(run(limits, "'" + std::string(500, 'x') + "\r\n"), too_long);
    EXPECT_EQ(run(limits, "{'a':'" + std::string(500, 'x') + "\n "), too_long);
    EXPECT_EQ(run(limits, "{'a':'" + std::string(500, 'x') + "\xFF"),
              (Lines{too_long[0], "! JSON parse error, stray '\xFF'", next_answer}));
}

TEST(SplitterLimits, RealNesting)
{
    EXPECT_EQ(run({}, std::string(1025, '[') + std::string(1025, ']')), too_deep);
    EXPECT_EQ(run({}, std::string(100'000, '[') + std::string(100'000, ']')), too_deep);
    EXPECT_EQ(run({}, std::string(1024, '[') + std::string(1024, ']')).size(), 2U);
}

TEST(SplitterLimits, RealTokens)
{
    const std::size_t most = std::size_t{1} << 21U;
    Splitter splitter;
    std::string message = "[1";
    while (message.size() < most + 3) { // each comma and digit is a token
        message += ",1";
    }
    EXPECT_EQ(run(splitter, message + "]"), Lines{"! JSON token count limit exceeded"});
    EXPECT_EQ(run(splitter, next_request), Lines{next_answer});
}

TEST(SplitterLimits, RealText)
{
    // A message without an end: one error after 64 MiB, and then nothing grows any more.
    Splitter splitter;
    const std::string mebibyte(std::size_t{1} << 20U, 'x');
    EXPECT_EQ(run(splitter, "{'a':'"), Lines{});
    std::size_t errors = 0;
    for (int i = 0; i < 80; ++i) {
        const Lines lines = run(splitter, mebibyte);
        errors += lines.size();
        EXPECT_EQ(errors, i < 63 ? 0U : 1U) << i;
    }
    EXPECT_EQ(run(splitter, "'}"), Lines{});
    EXPECT_EQ(run(splitter, next_request), Lines{next_answer});
}

} // namespace
} // namespace frostline::wire
