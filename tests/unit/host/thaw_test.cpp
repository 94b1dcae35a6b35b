// SPDX-License-Identifier: Apache-2.0
#include "host/agent/thaw.hpp"

#include "fakes.hpp"

#include <gtest/gtest.h>

namespace frostline::host::test {
namespace {

constexpr const char* plain_info =
    R"({"version": "7.2.22", "supported_commands": [{"name": "guest-fsfreeze-freeze",
        "enabled": true, "success-response": true}]})";
constexpr const char* own_info =
    R"({"version": "0.1.0", "supported_commands": [{"name": "frostline-freeze",
        "enabled": true, "success-response": true}]})";

class Thaw : public testing::Test {
protected:
    void is(const char* info)
    {
        agent_.handlers["guest-info"] = answers(info);
        ASSERT_TRUE(client_.identify());
    }
    ThawOutcome thaw(std::optional<std::string> id = {})
    {
        return confirm_thaw(client_, waiter_, id, waiter_.now() + Millis{5'000});
    }

    FakeWaiter waiter_;
    FakeTransport agent_;
    AgentClient client_{agent_, waiter_, {}};
};

TEST_F(Thaw, PlainAgentIsAskedForItsStateAfterwards)
{
    is(plain_info);
    agent_.handlers["guest-fsfreeze-thaw"] = answers("3");
    agent_.handlers["guest-fsfreeze-status"] = answers("\"thawed\"");
    const ThawOutcome outcome = thaw();
    EXPECT_TRUE(outcome.confirmed);
    EXPECT_EQ(outcome.count, 3);
    EXPECT_EQ(agent_.count("guest-fsfreeze-status"), 1);
}

TEST_F(Thaw, IsRepeatedWhileTheGuestSaysFrozen)
{
    is(plain_info);
    int tries = 0;
    agent_.handlers["guest-fsfreeze-thaw"] = [&tries](const json::Object&) -> Result<Reply> {
        ++tries;
        return Reply{json::Value{1}};
    };
    agent_.handlers["guest-fsfreeze-status"] = [&tries](const json::Object&) -> Result<Reply> {
        return Reply{json::Value{tries < 3 ? "frozen" : "thawed"}};
    };
    EXPECT_TRUE(thaw().confirmed);
    EXPECT_EQ(tries, 3);
}

TEST_F(Thaw, GivesUpAtTheEndOfItsTimeAndSaysWhy)
{
    is(plain_info);
    agent_.handlers["guest-fsfreeze-thaw"] = breaks(ErrorKind::timeout);
    agent_.handlers["guest-fsfreeze-status"] = breaks(ErrorKind::timeout);
    const TimePoint begin = waiter_.now();
    const ThawOutcome outcome = thaw();
    EXPECT_FALSE(outcome.confirmed);
    EXPECT_FALSE(outcome.count);
    EXPECT_FALSE(outcome.last_problem.empty());
    EXPECT_GE(waiter_.now() - begin, Millis{5'000});
    EXPECT_GT(agent_.count("guest-fsfreeze-thaw"), 3);
}

TEST_F(Thaw, ErrorAnswerIsKeptEvenWhenTheGuestIsThawed)
{
    is(own_info);
    agent_.handlers["frostline-thaw"] = refuses("fsfreeze is limited to 10 s");
    agent_.handlers["frostline-status"] =
        answers(R"({"state": "idle", "last": )" + report("mine", "expired") + "}");
    const ThawOutcome outcome = thaw("mine");
    EXPECT_TRUE(outcome.confirmed);
    EXPECT_EQ(outcome.complaint, "fsfreeze is limited to 10 s");
    ASSERT_TRUE(outcome.report);
    EXPECT_EQ(outcome.report->outcome, "expired");
}

TEST_F(Thaw, SomebodyElsesFreezeIsLeftAlone)
{
    is(own_info);
    agent_.handlers["frostline-thaw"] = refuses("another freeze is in force");
    agent_.handlers["frostline-status"] = answers(R"({"state": "frozen", "id": "theirs"})");
    EXPECT_TRUE(thaw("mine").confirmed);
    EXPECT_EQ(agent_.count("frostline-thaw"), 1);
}

TEST_F(Thaw, SignalsAreHeldOffUntilItIsDone)
{
    is(own_info);
    bool shielded = false;
    agent_.handlers["frostline-thaw"] = [&](const json::Object&) -> Result<Reply> {
        shielded = waiter_.shielded();
        return Reply{parsed(report("mine", "consistent"))};
    };
    EXPECT_TRUE(thaw("mine").confirmed);
    EXPECT_TRUE(shielded);
    EXPECT_FALSE(waiter_.shielded());
}

TEST_F(Thaw, StatusThatIsNotUnderstoodConfirmsNothing)
{
    is(own_info);
    agent_.handlers["frostline-thaw"] = refuses("no");
    agent_.handlers["frostline-status"] = answers(R"({"state": "resting"})");
    EXPECT_FALSE(thaw("mine").confirmed);
}

} // namespace
} // namespace frostline::host::test
