// SPDX-License-Identifier: Apache-2.0
#include "common/json/write.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace frostline::json {
namespace {

TEST(JsonWrite, SeparatesAsQemuGaDoes)
{
    const Value value{
        Object{{"return", Array{1, -2, true, nullptr, "x"}}, {"e", Object{}}, {"a", Array{}}}};
    EXPECT_EQ(write(value), R"({"return": [1, -2, true, null, "x"], "e": {}, "a": []})");
}

TEST(JsonWrite, Numbers)
{
    EXPECT_EQ(write(INT64_MIN), "-9223372036854775808");
    EXPECT_EQ(write(UINT64_MAX), "18446744073709551615");
    EXPECT_EQ(write(0.1), "0.10000000000000001");
    EXPECT_EQ(write(1.5e3), "1500");
    EXPECT_EQ(write(1e300), "1.0000000000000001e+300");
    EXPECT_EQ(write(-0.0), "-0");
    EXPECT_EQ(write(std::numeric_limits<double>::infinity()), "null");
    EXPECT_EQ(write(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(JsonWrite, IsPureAscii)
{
    EXPECT_EQ(write("\"\\\b\f\n\r\t/"), R"("\"\\\b\f\n\r\t/")");
    EXPECT_EQ(write("\x01\x1f\x7f~ "), R"("\u0001\u001F\u007F~ ")");
    EXPECT_EQ(write("é€𝄞"), R"("\u00E9\u20AC\uD834\uDD1E")");
    EXPECT_EQ(write(std::string("a\0b", 3)), R"("a\u0000b")");
    EXPECT_EQ(write(Object{{"é", 1}}), R"({"\u00E9": 1})");
}

TEST(JsonWrite, ReplacesWhatIsNotUtf8)
{
    EXPECT_EQ(write("\xFF"), R"("\uFFFD")");
    EXPECT_EQ(write("a\x80z"), R"("a\uFFFDz")");
    EXPECT_EQ(write("\xE2\x82z"), R"("\uFFFDz")");
    EXPECT_EQ(write("\xE2\x82"), R"("\uFFFD")");
    EXPECT_EQ(write("\xED\xA0\x80"), R"("\uFFFD")");
    EXPECT_EQ(write("\xC0\x80"), R"("\u0000")"); // modified UTF-8, as qemu-ga has it
}

TEST(JsonWrite, PrettyIsForPeople)
{
    EXPECT_EQ(write_pretty(Object{{"a", Array{1, 2}}, {"b", Object{}}, {"c", "é\x01"}}),
              "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": \"é\\u0001\"\n}\n");
}

TEST(JsonObject, SetReplacesAndKeepsThePlace)
{
    Object object{{"a", 1}, {"b", 2}, {"a", 3}};
    EXPECT_EQ(write(object), R"({"a": 3, "b": 2})");
    object.set("b", "x");
    EXPECT_EQ(*object.find("b"), Value{"x"});
    EXPECT_EQ(object.find("c"), nullptr);
    EXPECT_EQ(Value{1}.find("a"), nullptr);
}

} // namespace
} // namespace frostline::json
