// SPDX-License-Identifier: Apache-2.0
#include "qapi/commands.hpp"

#include "common/json/parse.hpp"
#include "common/json/write.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace frostline::qapi {
namespace {

const CommandInfo& info(std::string_view name)
{
    return *std::find_if(command_table.begin(), command_table.end(),
                         [&](const CommandInfo& command) { return command.name == name; });
}

std::vector<std::string_view> names_where(bool CommandInfo::*flag)
{
    std::vector<std::string_view> out;
    for (const CommandInfo& command : command_table) {
        if (command.*flag) {
            out.push_back(command.name);
        }
    }
    return out;
}

using testing::IsSupersetOf;

using Names = std::vector<std::string_view>;

TEST(CommandTable, HasTheOrderOfQemuGaAndThenOurs)
{
    EXPECT_EQ(command_table.front().name, "guest-sync-delimited");
    EXPECT_EQ(command_table[1].name, "guest-sync");
    EXPECT_EQ(command_table.back().name, "frostline-list-hooks");
}

TEST(CommandTable, WhileFrozenAtLeastTheSixOfQemuGaAndOurs)
{
    EXPECT_THAT(names_where(&CommandInfo::allowed_while_frozen),
                IsSupersetOf(Names{"guest-sync-delimited", "guest-sync", "guest-ping", "guest-info",
                                   "guest-fsfreeze-status", "guest-fsfreeze-thaw",
                                   "frostline-freeze", "frostline-thaw", "frostline-status"}));
}

TEST(CommandTable, WhatEndsAFreezeIsNeverBlockedMeanwhile)
{
    EXPECT_EQ(names_where(&CommandInfo::never_blocked_while_frozen),
              (Names{"guest-sync-delimited", "guest-sync", "guest-ping", "guest-fsfreeze-status",
                     "guest-fsfreeze-thaw", "frostline-thaw", "frostline-status"}));
}

TEST(CommandTable, ImmediateOnesAreAnsweredInTheMiddleOfAFreeze)
{
    EXPECT_EQ(names_where(&CommandInfo::immediate),
              (Names{"guest-sync-delimited", "guest-sync", "guest-ping", "guest-info",
                     "guest-fsfreeze-status", "guest-fsfreeze-thaw", "frostline-thaw",
                     "frostline-status"}));
    EXPECT_THAT(names_where(&CommandInfo::long_running),
                IsSupersetOf(Names{"guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list",
                                   "frostline-freeze"}));
    EXPECT_TRUE(info("guest-ping").success_response);
}

TEST(Commands, ArgumentsAreStrict)
{
    const auto unexpected = decode_arguments<GuestPing>(*json::parse("{'foo': 42}"));
    ASSERT_FALSE(unexpected);
    EXPECT_EQ(unexpected.error().message(), "Parameter 'foo' is unexpected");
    EXPECT_EQ(unexpected.error().kind(), ErrorKind::invalid_argument);

    const auto sync = decode_arguments<GuestSync>(*json::parse("{'id': 9223372036854775807}"));
    ASSERT_TRUE(sync);
    EXPECT_EQ(sync->id, INT64_MAX);
}

TEST(Commands, HostWritesWhatTheAgentReads)
{
    FrostlineFreezeArguments arguments;
    arguments.id = "nightly";
    arguments.deadline_ms = 5000;
    arguments.mountpoints = {"/", "/srv"};
    const json::Value sent = encode_arguments<FrostlineFreeze>(arguments);
    EXPECT_EQ(json::write(sent), R"({"id": "nightly", "deadline-ms": 5000, )"
                                 R"("mountpoints": ["/", "/srv"]})");
    const auto received = decode_arguments<FrostlineFreeze>(sent);
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, arguments);
    EXPECT_EQ(json::write(encode_arguments<GuestPing>({})), "{}");
}

TEST(Commands, RepliesMayHaveMembersFromTheFuture)
{
    const json::Value reply = *json::parse(
        R"({"state": "frozen", "mood": 1, "last": {"id": "a", "outcome": "consistent",
            "started": "2026-01-02T03:04:05.000006Z", "frozen-us": 12, "phases": [],
            "hooks": [{"name": "50-x", "stage": 50, "phase": "hold", "result": "timed-out",
                       "start-us": 1, "duration-us": 2, "stderr": "why", "colour": "red"}],
            "filesystems": []}})");
    const auto status = decode_return<FrostlineStatus>(reply);
    ASSERT_TRUE(status) << status.error().message();
    EXPECT_EQ(status->state, FreezeState::frozen);
    EXPECT_EQ(status->last->hooks.at(0).result, HookResult::timed_out);
    EXPECT_EQ(status->last->hooks.at(0).stderr_, "why");
    EXPECT_FALSE(status->last->error);
    EXPECT_FALSE(decode<FreezeStatus>(reply)); // but not where it is strict
}

TEST(Commands, RepliesThatAreNoNumberAreErrors)
{
    EXPECT_EQ(*decode_return<GuestFsfreezeThaw>(3), 3);
    const auto wrong = decode_return<GuestFsfreezeThaw>("3");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().message(), "Invalid parameter type for 'return', expected: integer");
}

TEST(Commands, ReportHasTheNamesOfTheContract)
{
    FreezeReport report;
    report.id = "a";
    report.outcome = FreezeOutcome::degraded;
    report.started = "2026-01-02T03:04:05.000006Z";
    report.frozen_us = 7;
    report.phases.push_back({"plan", 0, 5});
    report.hooks.push_back({"10-x", 10, HookPhase::freeze, HookResult::failed, 1, 2, "yes", "no"});
    report.filesystems.push_back(
        {"/", "ext4", "/dev/vda1", FilesystemResult::already_frozen, "held", 3, 4});
    EXPECT_EQ(
        json::write(encode(report)),
        R"({"id": "a", "outcome": "degraded", "started": "2026-01-02T03:04:05.000006Z", )"
        R"("frozen-us": 7, "phases": [{"name": "plan", "start-us": 0, "duration-us": 5}], )"
        R"("hooks": [{"name": "10-x", "stage": 10, "phase": "freeze", "result": "failed", )"
        R"("start-us": 1, "duration-us": 2, "stdout": "yes", "stderr": "no"}], "filesystems": [)"
        R"({"mountpoint": "/", "type": "ext4", "device": "/dev/vda1", )"
        R"("result": "already-frozen", "reason": "held", "start-us": 3, "duration-us": 4}]})");
    EXPECT_EQ(*decode<FreezeReport>(encode(report)), report);
}

TEST(Commands, GuestInfoEntriesHaveExactlyThreeKeys)
{
    GuestAgentInfo agent{"1.2", {{"guest-ping", true, true}}};
    EXPECT_EQ(json::write(encode(agent)),
              R"({"version": "1.2", "supported_commands": )"
              R"([{"name": "guest-ping", "enabled": true, "success-response": true}]})");
}

} // namespace
} // namespace frostline::qapi
