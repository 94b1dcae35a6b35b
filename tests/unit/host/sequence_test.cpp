// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/sequence.hpp"

#include "host/snapshot/overlay.hpp"

#include "fakes.hpp"

#include <gtest/gtest.h>

namespace frostline::host::test {
namespace {

class Sequence : public testing::Test {
protected:
    Sequence()
    {
        agent_.handlers["guest-info"] =
            answers(R"({"version": "0.1.0", "supported_commands": [{"name": "frostline-freeze",
                        "enabled": true, "success-response": true}]})");
        agent_.handlers["frostline-freeze"] = [this](const json::Object&) -> Result<Reply> {
            frozen_ = true;
            return Reply{parsed(report("mine", "consistent"))};
        };
        agent_.handlers["frostline-thaw"] = [this](const json::Object&) -> Result<Reply> {
            frozen_ = false;
            return Reply{parsed(report("mine", "consistent"))};
        };
        agent_.handlers["frostline-status"] = [this](const json::Object&) -> Result<Reply> {
            return Reply{parsed(frozen_ ? R"({"state": "frozen", "id": "mine",
                                              "deadline-remaining-ms": 4000})"
                                        : R"({"state": "idle"})")};
        };
    }

    SnapshotResult run(Level require = Level::app)
    {
        EXPECT_TRUE(client_.identify());
        OverlaySnapshot method{qemu_, files_, {"one", "", "", "fl"}};
        SnapshotSequence sequence{
            {{"guest", client_, method, {"mine", {}, require}}}, waiter_, progress_};
        return sequence.run().front();
    }
    void expect_nothing_left()
    {
        EXPECT_FALSE(frozen_);
        EXPECT_FALSE(qemu_.switched);
        EXPECT_TRUE(qemu_.added.empty());
        EXPECT_EQ(files_.paths.size(), 2U);
    }

    bool frozen_ = false;
    FakeWaiter waiter_;
    FakeTransport agent_;
    FakeMonitor qemu_;
    FakeFiles files_;
    NoProgress progress_;
    AgentClient client_{agent_, waiter_, {}};
};

TEST_F(Sequence, SwitchesWhileFrozenAndThaws)
{
    qemu_.failures["transaction"] = [this](const json::Object& arguments) -> Result<Reply> {
        EXPECT_TRUE(frozen_);
        qemu_.switch_disks(arguments);
        return Reply{json::Value{json::Object{}}};
    };
    const SnapshotResult result = run();
    EXPECT_EQ(result.judgement.status, ExitStatus::consistent);
    EXPECT_EQ(result.judgement.level, Level::app);
    EXPECT_TRUE(result.kept);
    EXPECT_TRUE(result.problem.empty()) << result.problem;
    EXPECT_FALSE(frozen_);
    EXPECT_TRUE(qemu_.switched);
}

TEST_F(Sequence, FailedPreparationNeverFreezes)
{
    qemu_.failures["blockdev-add"] = refuses("no");
    EXPECT_EQ(run().judgement.status, ExitStatus::snapshot_failed);
    EXPECT_EQ(agent_.count("frostline-freeze"), 0);
    EXPECT_EQ(agent_.count("frostline-thaw"), 0);
    expect_nothing_left();
}

TEST_F(Sequence, RefusedFreezeTakesNothing)
{
    agent_.handlers["frostline-freeze"] = refuses("hook failed");
    EXPECT_EQ(run().judgement.status, ExitStatus::freeze_failed);
    EXPECT_EQ(agent_.count("frostline-thaw"), 0);
    expect_nothing_left();
}

TEST_F(Sequence, FreezeWithoutAnAnswerIsThawed)
{
    for (const ErrorKind kind :
         {ErrorKind::timeout, ErrorKind::cancelled, ErrorKind::io, ErrorKind::protocol}) {
        agent_.handlers["frostline-freeze"] = [this, kind](const json::Object&) -> Result<Reply> {
            frozen_ = true;
            return fail(kind, "no answer");
        };
        EXPECT_EQ(run().judgement.status, ExitStatus::freeze_failed);
        EXPECT_GE(agent_.count("frostline-thaw"), 1);
        expect_nothing_left();
    }
}

TEST_F(Sequence, RefusedSwitchThawsAndRemovesWhatWasPrepared)
{
    qemu_.failures["transaction"] = refuses("node is busy");
    EXPECT_EQ(run().judgement.status, ExitStatus::snapshot_failed);
    expect_nothing_left();
}

TEST_F(Sequence, InterruptedBeforeTheSwitchThawsAndTakesNothing)
{
    int asked = 0;
    const FakeTransport::Handler status = agent_.handlers["frostline-status"];
    agent_.handlers["frostline-status"] = [&](const json::Object& arguments) -> Result<Reply> {
        if (++asked == 1) {
            return fail(ErrorKind::cancelled, "interrupted by SIGINT");
        }
        return status(arguments);
    };
    EXPECT_EQ(run().judgement.status, ExitStatus::snapshot_failed);
    EXPECT_GE(agent_.count("frostline-thaw"), 1);
    expect_nothing_left();
}

TEST_F(Sequence, UnansweredSwitchThatHappenedIsKeptAndNotCalledConsistent)
{
    qemu_.failures["transaction"] = [this](const json::Object& arguments) -> Result<Reply> {
        qemu_.switch_disks(arguments);
        return fail(ErrorKind::timeout, "no answer");
    };
    const SnapshotResult result = run();
    EXPECT_EQ(result.judgement.status, ExitStatus::not_consistent);
    EXPECT_EQ(result.judgement.level, Level::crash);
    EXPECT_TRUE(result.kept);
    EXPECT_EQ(files_.paths.size(), 5U);
    EXPECT_FALSE(frozen_);
}

TEST_F(Sequence, UnansweredSwitchThatDidNotHappenLeavesNothing)
{
    qemu_.failures["transaction"] = breaks(ErrorKind::timeout);
    EXPECT_EQ(run().judgement.status, ExitStatus::snapshot_failed);
    expect_nothing_left();
}

TEST_F(Sequence, WhereNobodyKnowsTheFilesStay)
{
    qemu_.failures["transaction"] = [this](const json::Object&) -> Result<Reply> {
        qemu_.failures["query-block"] = breaks(ErrorKind::io);
        return fail(ErrorKind::io, "QEMU is gone");
    };
    const SnapshotResult result = run();
    EXPECT_EQ(result.judgement.status, ExitStatus::snapshot_failed);
    EXPECT_TRUE(result.kept);
    EXPECT_EQ(files_.paths.size(), 5U);
    EXPECT_FALSE(frozen_);
}

TEST_F(Sequence, FreezeThatIsOverBeforeTheSwitchTakesNothing)
{
    agent_.handlers["frostline-freeze"] = answers(report("mine", "expired"));
    EXPECT_EQ(run().judgement.status, ExitStatus::freeze_failed);
    expect_nothing_left();
}

TEST_F(Sequence, UnconfirmedThawIsSaidAboveAll)
{
    agent_.handlers["frostline-freeze"] = [this](const json::Object&) -> Result<Reply> {
        frozen_ = true;
        agent_.handlers["frostline-status"] = breaks(ErrorKind::timeout);
        agent_.handlers["frostline-thaw"] = breaks(ErrorKind::timeout);
        return Reply{parsed(report("mine", "consistent"))};
    };
    const SnapshotResult result = run();
    EXPECT_EQ(result.judgement.status, ExitStatus::thaw_unconfirmed);
    EXPECT_NE(result.problem.find("NOT confirmed"), std::string::npos);
    EXPECT_FALSE(qemu_.switched);
    EXPECT_EQ(files_.paths.size(), 2U);
}

TEST_F(Sequence, ThawIsTriedUntilTheGuestsDeadlineHasPassed)
{
    agent_.handlers["frostline-thaw"] = breaks(ErrorKind::timeout);
    const TimePoint begin = waiter_.now();
    EXPECT_EQ(run().judgement.status, ExitStatus::thaw_unconfirmed);
    EXPECT_GE(waiter_.now() - begin, Millis{4'000});
    EXPECT_LT(waiter_.now() - begin, Millis{10'000});
}

} // namespace
} // namespace frostline::host::test
