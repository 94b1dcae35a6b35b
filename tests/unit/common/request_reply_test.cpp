// SPDX-License-Identifier: Apache-2.0
#include "common/wire/reply.hpp"
#include "common/wire/request.hpp"

#include "common/json/parse.hpp"

#include <gtest/gtest.h>

namespace frostline::wire {
namespace {

struct Row {
    const char* message;
    const char* error;
    const char* reply_end;
};

class BadRequests : public testing::TestWithParam<Row> {};

TEST_P(BadRequests, AreAnsweredInTheWordsOfQemuGa)
{
    const auto request = read_request(*json::parse(GetParam().message));
    const auto* bad = std::get_if<BadRequest>(&request);
    ASSERT_NE(bad, nullptr);
    EXPECT_EQ(error_reply(bad->error, bad->id), R"({"error": {"class": "GenericError", "desc": ")" +
                                                    std::string{GetParam().error} + "\"}" +
                                                    GetParam().reply_end + "}\n");
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadRequests,
    testing::Values(Row{"[]", "QMP input must be a JSON object", ""},
                    Row{"'x'", "QMP input must be a JSON object", ""},
                    Row{"null", "QMP input must be a JSON object", ""},
                    Row{"{}", "QMP input lacks member 'execute'", ""},
                    Row{"{'id':null}", "QMP input lacks member 'execute'", R"(, "id": null)"},
                    Row{"{'execute':'x','exec-oob':'y','id':1}",
                        "QMP input member 'exec-oob' is unexpected", R"(, "id": 1)"},
                    Row{"{'control':{},'id':[1]}", "QMP input member 'control' is unexpected",
                        R"(, "id": [1])"},
                    Row{"{'execute':null}", "QMP input member 'execute' must be a string", ""},
                    Row{"{'execute':5}", "QMP input member 'execute' must be a string", ""},
                    Row{"{'execute':'x','arguments':null}",
                        "QMP input member 'arguments' must be an object", ""},
                    Row{"{'execute':'x','arguments':[],'id':'y'}",
                        "QMP input member 'arguments' must be an object", R"(, "id": "y")"}));

TEST(Requests, ArgumentsAndIdMayBeAbsent)
{
    const auto request = read_request(*json::parse("{'execute':'guest-ping'}"));
    ASSERT_TRUE(std::holds_alternative<Request>(request));
    EXPECT_EQ(std::get<Request>(request).execute, "guest-ping");
    EXPECT_TRUE(std::get<Request>(request).arguments.empty());
    EXPECT_FALSE(std::get<Request>(request).id);

    const auto full = read_request(*json::parse("{'id':{},'execute':'x','arguments':{'a':1}}"));
    ASSERT_TRUE(std::holds_alternative<Request>(full));
    EXPECT_EQ(*std::get<Request>(full).arguments.find("a"), json::Value{1});
    EXPECT_EQ(*std::get<Request>(full).id, json::Value{json::Object{}});
}

TEST(Replies, AreOneLine)
{
    EXPECT_EQ(success_reply(json::Object{}, {}), "{\"return\": {}}\n");
    EXPECT_EQ(success_reply(7, json::Value{}), "{\"return\": 7, \"id\": null}\n");
    EXPECT_EQ(success_reply("a\nb", "x"), "{\"return\": \"a\\nb\", \"id\": \"x\"}\n");
}

TEST(Replies, KnowTwoClasses)
{
    EXPECT_EQ(error_reply(Error{ErrorKind::command_not_found, "no"}, 1),
              R"({"error": {"class": "CommandNotFound", "desc": "no"}, "id": 1})"
              "\n");
    for (const ErrorKind kind :
         {ErrorKind::busy, ErrorKind::not_found, ErrorKind::unsupported, ErrorKind::internal}) {
        EXPECT_EQ(error_class(kind), "GenericError");
    }
}

TEST(Replies, LongDescriptionsAreCutBetweenCharacters)
{
    std::string text(16383, 'x');
    text += "€uro";
    const std::string reply = error_reply("GenericError", text, {});
    EXPECT_EQ(reply.find("\\u"), std::string::npos);
    EXPECT_LT(reply.size(), 16500U);
}

TEST(Replies, OnesThatAreTooLongBecomeErrors)
{
    const std::string reply = success_reply(std::string(300, 'x'), 5);
    EXPECT_EQ(within_limit(reply, reply.size(), 5), reply);
    const std::string instead = within_limit(reply, reply.size() - 1, 5);
    EXPECT_NE(instead.find("longer than the limit"), std::string::npos);
    EXPECT_NE(instead.find(R"("id": 5)"), std::string::npos);
    EXPECT_EQ(instead.back(), '\n');

    const json::Value huge{std::string(400, 'y')};
    const std::string without = within_limit(success_reply(1, huge), 300, huge);
    EXPECT_EQ(without.find("id"), std::string::npos);
    EXPECT_LE(without.size(), 300U);
}

} // namespace
} // namespace frostline::wire
