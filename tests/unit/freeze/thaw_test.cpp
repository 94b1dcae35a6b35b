// SPDX-License-Identifier: Apache-2.0
// The way back: interrupted at each phase, late, lost, stuck; and who gets which answer.
#include "session_fixture.hpp"

#include <cerrno>

namespace frostline::freeze {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class InterruptedTest : public SessionTest {
protected:
    void expect_rolled_back()
    {
        ASSERT_TRUE(frozen);
        ASSERT_FALSE(*frozen);
        EXPECT_EQ(frozen->error().kind(), ErrorKind::cancelled);
        EXPECT_EQ(freeze_answers, 1);
        EXPECT_THAT(kernel.frozen, IsEmpty());
    }
};

TEST_F(InterruptedTest, WhilePlanning)
{
    kernel.stuck_open = {"/data"};
    freeze();
    EXPECT_EQ(session->status().state, State::planning);
    thaw();
    expect_rolled_back();
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_EQ((*thawed)->count, 0);
    workers.come_back();
    settle();
    EXPECT_FALSE(did("quiesce"));
}

TEST_F(InterruptedTest, WhileHooksRun)
{
    quiet_hooks.automatic = false;
    freeze();
    EXPECT_EQ(session->status().state, State::quiescing);
    thaw();
    EXPECT_TRUE(did("cancel hooks"));
    EXPECT_FALSE(did("release")); // the cancelled hook has not ended yet
    quiet_hooks.finish_quiesce();
    settle();
    quiet_hooks.finish_release();
    settle();
    expect_rolled_back();
    EXPECT_TRUE(thawed && *thawed);
    EXPECT_TRUE(did("thaw hooks"));
}

TEST_F(InterruptedTest, AHookThatDoesNotEndDoesNotHoldUpTheThaw)
{
    quiet_hooks.automatic = false;
    freeze();
    thaw();
    pass(2300ms);
    expect_rolled_back();
    EXPECT_TRUE(thawed && *thawed);
    quiet_hooks.finish_quiesce(); // ends at last, and is thawed after all
    settle();
    EXPECT_TRUE(did("release"));
}

TEST_F(InterruptedTest, WhileTheGuardIsArmed)
{
    guards.answers_arm = false;
    freeze();
    thaw();
    expect_rolled_back();
    EXPECT_FALSE(did("freeze /"));
}

TEST_F(InterruptedTest, WhileFileSystemsFreeze)
{
    kernel.stuck_freeze = {"/"};
    freeze();
    EXPECT_EQ(session->status().state, State::freezing);
    thaw();
    EXPECT_TRUE(did("thaw /data")); // at once, whatever "/" does
    workers.come_back();
    settle();
    expect_rolled_back();
    EXPECT_TRUE(thawed && *thawed);
}

TEST_F(InterruptedTest, AStuckFreezeIsReportedAndThawedWhenItComesBack)
{
    kernel.stuck_freeze = {"/"};
    freeze();
    thaw();
    pass(5s);
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_THAT(row((*thawed)->report, "/").reason, HasSubstr("stuck in FIFREEZE"));
    EXPECT_TRUE(session->status().counts_as_frozen);
    EXPECT_FALSE(did("disarm guard")); // the agent might die before it comes back
    EXPECT_TRUE(store.saved);
    frozen.reset();
    freeze();
    EXPECT_EQ(frozen->error().kind(), ErrorKind::busy);
    workers.come_back();
    settle();
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_TRUE(did("disarm guard"));
    EXPECT_FALSE(store.saved);
    EXPECT_FALSE(session->status().counts_as_frozen);
}

TEST_F(SessionTest, AStuckThawDelaysNoOtherAndTheReplyByItsLimitOnly)
{
    kernel.stuck_thaw = {"/"};
    freeze();
    thaw();
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_FALSE(thawed);
    pass(5s);
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_EQ((*thawed)->count, 1);
    EXPECT_THAT(row((*thawed)->report, "/").reason, HasSubstr("not thawed yet"));
}

TEST_F(SessionTest, ALateWriteBackIsNotTakenForAThaw)
{
    kernel.stuck_sync = {"/data"};
    kernel.stuck_thaw = {"/"};
    freeze();
    pass(30s); // presync-budget
    ASSERT_TRUE(frozen && *frozen);
    thaw();
    EXPECT_FALSE(thawed);
    workers.first_comes_back(); // the sync
    settle();
    EXPECT_FALSE(thawed) << "/ is not thawed yet";
    workers.come_back();
    settle();
    EXPECT_TRUE(thawed && *thawed);
}

TEST_F(SessionTest, AThawThatIsReadAfterTheDeadlineComesTooLate)
{
    const auto host = loop.after(60s, [this] {
        session->thaw(std::nullopt, ThawWait::released,
                      [this](Result<Thawed> result) { thawed.emplace(std::move(result)); });
    });
    freeze();
    pass(60s); // the host's thaw comes before the agent's own timer
    ASSERT_TRUE(thawed);
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited to 60s"));
    EXPECT_EQ(session->status().last->outcome, Outcome::expired);
}

TEST_F(SessionTest, ALapseOutlivesTheAgent)
{
    freeze();
    pass(60s);
    ASSERT_TRUE(store.saved && store.saved->lapse);
    make_session();
    session->recover([] {});
    settle();
    EXPECT_EQ(session->status().state, State::idle);
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited to 60s"));
    EXPECT_FALSE(store.saved);
    thaw();
    EXPECT_TRUE(*thawed);
}

TEST_F(SessionTest, AnAgentThatIsStoppedWhileFrozenLeavesWordForTheHost)
{
    freeze();
    session->shutdown([] {});
    settle();
    EXPECT_THAT(kernel.frozen, IsEmpty());
    ASSERT_TRUE(store.saved);
    EXPECT_FALSE(store.saved->holds());
    make_session();
    session->recover([] {});
    settle();
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited"));
}

TEST_F(SessionTest, AThawThatFailedIsTriedAgainByTheNextOne)
{
    kernel.thaw_errors = {{"/data", EIO}};
    freeze();
    thaw(ThawWait::hooks);
    EXPECT_EQ((*thawed)->count, 1);
    EXPECT_TRUE(session->status().counts_as_frozen);
    kernel.thaw_errors.clear();
    thaw();
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_FALSE(session->status().counts_as_frozen);
}

// Lapse (promise 3)

TEST_F(SessionTest, TheDeadlineThawsAndTheNextThawHearsOfItOnce)
{
    freeze();
    pass(60s);
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_EQ(quiet_hooks.told, hooks::Outcome::expired);
    EXPECT_FALSE(session->status().counts_as_frozen);
    EXPECT_EQ(session->status().last->outcome, Outcome::expired);
    pass(3200ms);
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(),
                HasSubstr("fsfreeze is limited to 60s: the deadline thawed the file systems "
                          "(3.2s ago)"));
    thaw();
    ASSERT_TRUE(*thawed);
    EXPECT_EQ((*thawed)->count, 0);
}

TEST_F(SessionTest, TheGuardsWordIsEnoughForALapse)
{
    freeze();
    kernel.frozen.clear(); // the guard was faster
    guards.events.expired();
    settle();
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited"));
    EXPECT_EQ(session->status().last->outcome, Outcome::expired);
}

TEST_F(SessionTest, ALapseCanBeAnsweredWithTheCount)
{
    settings.lapse_reply = LapseReply::count;
    make_session();
    freeze();
    pass(60s);
    thaw();
    ASSERT_TRUE(*thawed);
    EXPECT_EQ((*thawed)->count, 2);
}

TEST_F(SessionTest, StatusCanStayFrozenAfterALapseUntilAThaw)
{
    settings.lapse_status = LapseStatus::frozen;
    make_session();
    freeze();
    pass(60s);
    EXPECT_TRUE(session->status().counts_as_frozen);
    thaw();
    EXPECT_FALSE(session->status().counts_as_frozen);
}

TEST_F(SessionTest, ARequestShortensTheDeadlineButNeverLengthensIt)
{
    Request request;
    request.deadline = 5s;
    freeze(request);
    EXPECT_EQ(guards.deadline, loop.now() + 5s);
    thaw(ThawWait::hooks);
    request.deadline = 5min;
    freeze(request);
    EXPECT_EQ(guards.deadline, loop.now() + 60s);
}

TEST_F(SessionTest, WithoutAConfiguredDeadlineARequestMaySetOne)
{
    settings.deadline = 0s;
    make_session();
    freeze();
    EXPECT_EQ(guards.deadline, std::nullopt);
    pass(std::chrono::hours{2});
    EXPECT_EQ(kernel.frozen.size(), 2U);
    thaw(ThawWait::hooks);
    Request request;
    request.deadline = 7s;
    freeze(request);
    EXPECT_EQ(guards.deadline, loop.now() + 7s);
}

TEST_F(SessionTest, HooksAloneAreHeldToTheDeadlineToo)
{
    kernel.unsupported = {"/", "/data"};
    freeze();
    pass(60s);
    EXPECT_TRUE(did("release"));
    EXPECT_FALSE(session->status().counts_as_frozen);
}

TEST_F(SessionTest, ADeadlineInTheMiddleOfTheFreezeIsAFailureNotALapse)
{
    kernel.stuck_freeze = {"/"};
    freeze();
    pass(60s);
    workers.come_back();
    settle();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::timeout);
    EXPECT_THAT(kernel.frozen, IsEmpty());
    thaw();
    EXPECT_TRUE(*thawed);
}

TEST_F(SessionTest, ADeadGuardDoesNotEndTheFreezeTheAgentWatches)
{
    freeze();
    guards.events.lost("the freeze guard ended unexpectedly");
    settle();
    EXPECT_EQ(session->status().state, State::frozen);
    pass(60s);
    EXPECT_THAT(kernel.frozen, IsEmpty());
}

// Lost

TEST_F(SessionTest, ThawedBySomebodyElseIsAnErrorOnce)
{
    freeze();
    kernel.frozen.erase("/data");
    thaw(ThawWait::hooks);
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited"));
    EXPECT_THAT(thawed->error().message(), HasSubstr("/data"));
    EXPECT_EQ(row(*session->status().last, "/data").result, FsResult::lost);
    EXPECT_EQ(session->status().last->outcome, Outcome::aborted);
    thaw();
    EXPECT_TRUE(*thawed);
}

TEST_F(SessionTest, ASessionThatDidNotHoldIsAnErrorOnThaw)
{
    quiet_hooks.verdict = {false, true, "10-db: lost its lock"};
    freeze();
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("10-db: lost its lock"));
    EXPECT_EQ(session->status().last->outcome, Outcome::recovered);
}

TEST_F(SessionTest, ASessionThatDiesWhileFrozenSpoilsTheThawReply)
{
    freeze();
    quiet_hooks.lose_session("10-db: ended by signal 9");
    settle();
    EXPECT_EQ(session->status().state, State::frozen);
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("signal 9"));
}

TEST_F(SessionTest, ASessionThatDiesBeforeTheGrantCallsTheFreezeOff)
{
    kernel.stuck_freeze = {"/"};
    freeze();
    quiet_hooks.lose_session("10-db: ended by signal 9");
    settle();
    workers.come_back();
    settle();
    ASSERT_FALSE(*frozen);
    EXPECT_THAT(frozen->error().message(), HasSubstr("signal 9"));
    EXPECT_THAT(kernel.frozen, IsEmpty());
}

// Identity (promises 2, 6 and 11)

TEST_F(SessionTest, ARepeatWithTheSameIdDoesNotFreezeTwice)
{
    Request request;
    request.id = "backup-1";
    freeze(request);
    freeze(request);
    EXPECT_EQ(freeze_answers, 2);
    EXPECT_EQ((*frozen)->count, 2);
    EXPECT_EQ(times("freeze /data"), 1);
    thaw(ThawWait::hooks);
    freeze(request);
    EXPECT_EQ((*frozen)->report.outcome, Outcome::consistent);
    EXPECT_TRUE((*frozen)->report.finished);
    EXPECT_EQ(times("freeze /data"), 1);
}

TEST_F(SessionTest, AnotherFreezeIsBusy)
{
    freeze();
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::busy);
    EXPECT_EQ(kernel.frozen.size(), 2U);
}

TEST_F(SessionTest, AFreezeDuringTheThawHooksWaitsForThem)
{
    freeze();
    quiet_hooks.automatic = false;
    thaw();
    quiet_hooks.finish_release();
    settle();
    frozen.reset();
    freeze();
    EXPECT_FALSE(frozen);
    quiet_hooks.automatic = true;
    quiet_hooks.finish_thaw();
    settle();
    ASSERT_TRUE(frozen && *frozen);
    EXPECT_EQ((*frozen)->count, 2);
}

TEST_F(SessionTest, AWrongIdThawsNothing)
{
    freeze();
    thaw(ThawWait::released, "somebody-elses");
    ASSERT_FALSE(*thawed);
    EXPECT_EQ(thawed->error().kind(), ErrorKind::not_found);
    EXPECT_EQ(kernel.frozen.size(), 2U);
}

TEST_F(SessionTest, AWrongIdDoesNotUseUpTheNewsOfALapse)
{
    freeze();
    pass(60s);
    thaw(ThawWait::released, "somebody-elses");
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited"));
}

TEST_F(SessionTest, ThawOfNothingCountsZero)
{
    thaw();
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_EQ((*thawed)->count, 0);
}

TEST_F(SessionTest, OnlyOneOfTwoThawsGetsTheCount)
{
    freeze();
    std::vector<std::int64_t> counts;
    for (int i = 0; i < 2; ++i) {
        session->thaw(std::nullopt, ThawWait::released,
                      [&](const Result<Thawed>& result) { counts.push_back((*result).count); });
    }
    settle();
    EXPECT_THAT(counts, ElementsAre(2, 0));
}

TEST_F(SessionTest, AbandonRollsBackAFreezeUnderWay)
{
    kernel.stuck_freeze = {"/"};
    freeze();
    session->abandon("a sync came: its asker has given up");
    settle();
    workers.come_back();
    settle();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::cancelled);
    EXPECT_THAT(kernel.frozen, IsEmpty());
}

TEST_F(SessionTest, AbandonAfterTheAnswerChangesNothing)
{
    freeze();
    session->abandon("late");
    settle();
    EXPECT_EQ(kernel.frozen.size(), 2U);
}

TEST_F(SessionTest, AHostThatCannotReachTheAgentAnyMoreIsNotWaitedFor)
{
    freeze();
    session->host_lost("the port was unplugged");
    settle();
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_TRUE(did("thaw hooks"));
    EXPECT_EQ(session->status().last->outcome, Outcome::aborted);
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), testing::HasSubstr("fsfreeze is limited"));
    EXPECT_THAT(thawed->error().message(), testing::HasSubstr("the port was unplugged"));
}

TEST_F(SessionTest, AFreezeThatIsCalledOffIsThawedFirstAndItsHostHearsOfIt)
{
    freeze();
    bool released = false;
    session->call_off("the guest was told to shut down", [&] {
        released = true;
        EXPECT_THAT(kernel.frozen, IsEmpty());
    });
    EXPECT_FALSE(released);
    settle();
    EXPECT_TRUE(released);
    thaw();
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), testing::HasSubstr("fsfreeze is limited"));
    EXPECT_THAT(thawed->error().message(), testing::HasSubstr("told to shut down"));
    freeze(); // the guest did not go down after all
    EXPECT_TRUE(*frozen);
}

TEST_F(SessionTest, CallingOffAFreezeUnderWayTellsItsAsker)
{
    kernel.stuck_freeze = {"/"};
    freeze();
    int released = 0;
    session->call_off("the guest was told to shut down", [&] { ++released; });
    session->call_off("the guest was told to shut down", [&] { ++released; });
    settle();
    workers.come_back();
    settle();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::cancelled);
    EXPECT_EQ(released, 2);
    EXPECT_THAT(kernel.frozen, IsEmpty());
}

TEST_F(SessionTest, CallingOffNothingIsAnsweredAtOnceAndIsNoLapse)
{
    bool released = false;
    session->call_off("the guest was told to shut down", [&] { released = true; });
    EXPECT_FALSE(released);
    settle();
    EXPECT_TRUE(released);
    thaw();
    EXPECT_EQ((*thawed)->count, 0);
}

TEST_F(SessionTest, AStuckThawHoldsUpNoShutdown)
{
    freeze();
    kernel.stuck_thaw = {"/data"};
    bool released = false;
    session->call_off("the guest was told to shut down", [&] { released = true; });
    pass(10s);
    EXPECT_TRUE(released);
    workers.come_back();
    settle();
}

TEST_F(SessionTest, ShutdownThawsAndRunsWhatIsOwed)
{
    freeze();
    bool down = false;
    session->shutdown([&] { down = true; });
    EXPECT_FALSE(down);
    settle();
    EXPECT_TRUE(down);
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_TRUE(did("thaw hooks"));
    freeze();
    EXPECT_EQ(frozen->error().kind(), ErrorKind::cancelled);
}

TEST_F(SessionTest, AnImpossibleDeadlineOrIdIsRefused)
{
    Request request;
    request.deadline = 0s;
    freeze(request);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::invalid_argument);
    request = {};
    request.id = "";
    freeze(request);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::invalid_argument);
}

} // namespace
} // namespace frostline::freeze
