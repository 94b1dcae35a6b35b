// SPDX-License-Identifier: Apache-2.0
#include "host/agent/decode.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"

#include <gtest/gtest.h>

namespace frostline::host {
namespace {

/// A report in which one word of each kind can be replaced.
struct Words {
    std::string outcome = "consistent";
    std::string phase = "hold";
    std::string hook = "held";
    std::string filesystem = "frozen";
};

json::Value report_with(const Words& words)
{
    return *json::parse(
        "{'id': 'x', 'outcome': '" + words.outcome +
        "', 'started': '', 'frozen-us': 1, 'phases': [], 'colour': 'blue',"
        " 'hooks': [{'name': 'db', 'stage': 10, 'phase': '" +
        words.phase + "', 'result': '" + words.hook +
        "', 'start-us': 0, 'duration-us': 0}],"
        " 'filesystems': [{'mountpoint': '/srv', 'type': 'ext4', 'device': 'a', 'result': '" +
        words.filesystem + "', 'start-us': 0, 'duration-us': 0}]}");
}

TEST(DecodeReport, KnownWordsLeaveNothingUnclear)
{
    const Result<FreezeReport> report = decode_report(report_with({}));
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->unclear, "");
    EXPECT_EQ(report->outcome, "consistent");
}

TEST(DecodeReport, AWordOfANewerAgentIsNoErrorButSaidWhere)
{
    Words outcome;
    outcome.outcome = "splendid";
    Words phase;
    phase.phase = "prepare";
    Words hook;
    hook.hook = "half-held";
    Words filesystem;
    filesystem.filesystem = "cloned";
    const std::vector<std::pair<Words, std::string>> rows{
        {outcome, "the outcome"},
        {phase, "the phase of hook db"},
        {hook, "the result of hook db"},
        {filesystem, "the result of file system /srv"},
    };
    for (const auto& [words, where] : rows) {
        const Result<FreezeReport> report = decode_report(report_with(words));
        ASSERT_TRUE(report) << report.error().message();
        EXPECT_EQ(report->unclear, where);
    }
}

TEST(DecodeReport, TheDocumentStaysAsItCame)
{
    Words words;
    words.outcome = "splendid";
    const json::Value came = report_with(words);
    EXPECT_EQ(json::write(decode_report(came)->document), json::write(came));
    json::Object status;
    status.set("state", json::Value{"idle"});
    status.set("last", came);
    status.set("mood", json::Value{"good"});
    const json::Value whole{std::move(status)};
    const Result<GuestState> state = decode_status(whole);
    ASSERT_TRUE(state) << state.error().message();
    EXPECT_EQ(json::write(state->document), json::write(whole));
    EXPECT_EQ(json::write(state->last->document), json::write(came));
}

TEST(DecodeStatus, AStateThatIsNewMayHoldSomething)
{
    EXPECT_TRUE(decode_status(*json::parse("{'state': 'pondering'}"))->frozen);
    EXPECT_TRUE(decode_plain_status(json::Value{"slushy"})->frozen);
    EXPECT_FALSE(decode_plain_status(json::Value{"thawed"})->frozen);
    EXPECT_FALSE(decode_status(*json::parse("{'state': 'idle'}"))->frozen);
}

TEST(DecodeStatus, WhatIsMissingOrOfTheWrongTypeIsAnError)
{
    EXPECT_FALSE(decode_status(*json::parse("{}")));
    EXPECT_FALSE(decode_status(*json::parse("{'state': 1}")));
    EXPECT_FALSE(decode_report(json::Value{"consistent"}));
}

} // namespace
} // namespace frostline::host
