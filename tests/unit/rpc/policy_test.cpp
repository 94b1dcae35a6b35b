// SPDX-License-Identifier: Apache-2.0
#include "rpc/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::rpc {
namespace {

using testing::ElementsAre;

Command named(std::string name, bool safe_while_frozen = false)
{
    Command command;
    command.name = std::move(name);
    command.allowed_while_frozen = safe_while_frozen;
    return command;
}

TEST(Policy, WithoutRulesEverythingRuns)
{
    EXPECT_TRUE(Policy{{}}.allows(named("a"), false));
}

TEST(Policy, AnAllowListIsExactAndABlockListWins)
{
    PolicyRules rules;
    rules.only = {"a", "b"};
    rules.block = {"b"};
    const Policy policy{rules};
    EXPECT_TRUE(policy.allows(named("a"), false));
    EXPECT_FALSE(policy.allows(named("b"), false));
    EXPECT_FALSE(policy.allows(named("c"), false));
    EXPECT_FALSE(policy.allows(named("aa"), false));
}

TEST(Policy, AnEmptyAllowListIsNone)
{
    PolicyRules rules;
    rules.only = {""};
    EXPECT_TRUE(Policy{rules}.allows(named("a"), false));
}

TEST(Policy, SemicolonsSeparateToo)
{
    PolicyRules rules;
    rules.block = {"a;b"};
    EXPECT_FALSE(Policy{rules}.allows(named("a"), false));
    EXPECT_FALSE(Policy{rules}.allows(named("b"), false));
}

TEST(Policy, AllowAddsToTheProfileAndBlockTakesAway)
{
    PolicyRules rules;
    rules.profile = {"a", "b"};
    rules.allow = {"c"};
    rules.block = {"a"};
    const Policy policy{rules};
    EXPECT_FALSE(policy.allows(named("a"), false));
    EXPECT_TRUE(policy.allows(named("b"), false));
    EXPECT_TRUE(policy.allows(named("c"), false));
    EXPECT_FALSE(policy.allows(named("d"), false));
}

TEST(Policy, WhileFrozenOnlyTheSafeOnesRun)
{
    const Policy policy{{}};
    EXPECT_TRUE(policy.allows(named("status", true), true));
    EXPECT_FALSE(policy.allows(named("other"), true));
}

TEST(Policy, WhatEndsAFreezeIsNotBlockedWhileFrozenAndTheOtherSafeOnesAre)
{
    PolicyRules rules;
    rules.block = {"thaw", "status"};
    const Policy policy{rules};
    Command thaw = named("thaw", true);
    thaw.never_blocked_while_frozen = true;
    EXPECT_FALSE(policy.allows(thaw, false));
    EXPECT_TRUE(policy.allows(thaw, true));
    EXPECT_FALSE(policy.allows(named("status", true), true));
}

TEST(Policy, TellsNamesThatNoCommandBears)
{
    PolicyRules rules;
    rules.block = {"ping", "pong"};
    Registry registry;
    registry.add(named("ping"));
    EXPECT_THAT(Policy{rules}.unknown_names(registry), ElementsAre("pong"));
}

} // namespace
} // namespace frostline::rpc
