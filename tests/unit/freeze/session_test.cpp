// SPDX-License-Identifier: Apache-2.0
// A freeze that goes well, one that fails at each step, and what the answers say.
#include "session_fixture.hpp"

#include "common/log.hpp"

#include <cerrno>

namespace frostline::freeze {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(SessionTest, GoesThroughEveryStepInOrder)
{
    freeze();
    ASSERT_TRUE(frozen && *frozen);
    EXPECT_EQ((*frozen)->count, 2);
    EXPECT_THAT(journal,
                ElementsAre("open /data", "open /", "start guard for 2", "sync /data", "sync /",
                            "save state", "quiesce", "sync /data", "sync /", "save state",
                            "arm guard", "freeze /data", "freeze /", "save state"));
    EXPECT_EQ(session->status().state, State::frozen);
    EXPECT_TRUE(session->status().counts_as_frozen);
    EXPECT_EQ(session->status().deadline_remaining, 60s);

    journal.clear();
    thaw(ThawWait::hooks);
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_EQ((*thawed)->count, 2);
    EXPECT_EQ((*thawed)->report.outcome, Outcome::consistent);
    EXPECT_TRUE((*thawed)->report.finished);
    EXPECT_EQ(quiet_hooks.told, hooks::Outcome::consistent);
    EXPECT_THAT(journal, ElementsAre("thaw /", "thaw /data", "disarm guard", "save state",
                                     "release", "save state", "thaw hooks", "remove state"));
    EXPECT_FALSE(session->status().counts_as_frozen);
    EXPECT_EQ(session->status().state, State::idle);
}

TEST_F(SessionTest, TheThreadsForTheThawAreThereBeforeAnythingIsFrozen)
{
    freeze();
    EXPECT_GE(workers.prepared, 2U);
}

TEST_F(SessionTest, WithoutPresyncOnlyWhatCannotFreezeIsSynced)
{
    settings.presync = false;
    settings.sync_only = {"/data"};
    make_session();
    freeze();
    EXPECT_EQ(times("sync /data"), 1);
    EXPECT_EQ(times("sync /"), 0);
    EXPECT_EQ(row((*frozen)->report, "/data").result, FsResult::synced);
}

TEST_F(SessionTest, ReportNamesPhasesAndTheFrozenTime)
{
    freeze();
    pass(1500ms);
    thaw(ThawWait::hooks);
    const Report& report = (*thawed)->report;
    std::vector<std::string> names;
    for (const PhaseRecord& phase : report.phases) {
        names.push_back(phase.name);
    }
    EXPECT_THAT(names, ElementsAre("plan", "presync", "hooks", "freeze", "frozen", "thaw",
                                   "release", "thaw-hooks"));
    EXPECT_EQ(report.frozen, 1500ms);
    EXPECT_EQ(row(report, "/data").result, FsResult::frozen);
}

TEST_F(SessionTest, TheReplyDoesNotWaitForTheThawHooks)
{
    freeze();
    quiet_hooks.automatic = false;
    thaw();
    quiet_hooks.finish_release();
    settle();
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_EQ(session->status().state, State::releasing);
    EXPECT_FALSE(session->status().counts_as_frozen);
    quiet_hooks.finish_thaw();
    settle();
    EXPECT_EQ(session->status().state, State::idle);
}

TEST_F(SessionTest, ASessionHookThatDoesNotAnswerHoldsUpTheReplyForItsLimitOnly)
{
    freeze();
    quiet_hooks.automatic = false;
    thaw();
    EXPECT_FALSE(thawed);
    pass(2300ms);
    ASSERT_TRUE(thawed && *thawed);
    EXPECT_EQ((*thawed)->report.outcome, Outcome::degraded);
    EXPECT_THAT(kernel.frozen, IsEmpty());
}

TEST_F(SessionTest, AThawHookThatFailedStaysOwedAndIsTriedAgain)
{
    quiet_hooks.owed_after_thaw = {"10-db"};
    freeze();
    thaw(ThawWait::hooks);
    EXPECT_THAT(session->status().owed_hooks, ElementsAre("10-db"));
    quiet_hooks.owed_after_thaw = {};
    pass(1s);
    EXPECT_EQ(times("thaw hooks"), 2);
    EXPECT_THAT(session->status().owed_hooks, IsEmpty());
}

// Counting (promise 7)

TEST_F(SessionTest, CountIsOneWhenOnlyHooksHold)
{
    kernel.unsupported = {"/", "/data"};
    freeze();
    EXPECT_EQ((*frozen)->count, 1);
    EXPECT_TRUE(session->status().counts_as_frozen);
    EXPECT_EQ(row((*frozen)->report, "/").result, FsResult::synced);
    thaw();
    EXPECT_EQ((*thawed)->count, 1);
}

TEST_F(SessionTest, CountIsZeroWhenNothingHoldsAndNothingStaysHeld)
{
    kernel.unsupported = {"/", "/data"};
    quiet_hooks.result.holding = 0;
    freeze();
    ASSERT_TRUE(frozen && *frozen);
    EXPECT_EQ((*frozen)->count, 0);
    EXPECT_TRUE(did("thaw hooks"));
    EXPECT_EQ(session->status().state, State::idle);
    EXPECT_FALSE(session->status().counts_as_frozen);
}

TEST_F(SessionTest, WhatCannotFreezeIsWrittenBackAfterTheHooks)
{
    table.mounts.push_back(make_mount(3, 1, "/tank", makedev(0, 40), "zfs", "tank"));
    freeze();
    EXPECT_GT(times("sync /tank"), 1);
    EXPECT_FALSE(did("freeze /tank"));
    EXPECT_EQ(row((*frozen)->report, "/tank").result, FsResult::synced);
    EXPECT_EQ((*frozen)->count, 2);
}

TEST_F(SessionTest, WithoutHooksNoneIsAsked)
{
    Request request;
    request.hooks = false;
    freeze(request);
    EXPECT_FALSE(did("quiesce"));
    EXPECT_EQ((*frozen)->count, 2);
}

TEST_F(SessionTest, HooksHearWhatIsAboutToBeFrozen)
{
    freeze();
    EXPECT_THAT(quiet_hooks.asked.mount_points, ElementsAre("/data", "/"));
    EXPECT_THAT(quiet_hooks.asked.devices, ElementsAre(makedev(254, 2), makedev(254, 1)));
    EXPECT_EQ(quiet_hooks.asked.budget, settings.hook_budget);
}

// Roll-back at each step

TEST_F(SessionTest, AnUnknownMountPointIsAnError)
{
    Request request;
    request.mount_points = {{"/nowhere"}};
    freeze(request);
    ASSERT_FALSE(*frozen);
    EXPECT_THAT(frozen->error().message(), HasSubstr("/nowhere"));
    EXPECT_FALSE(did("open /"));
}

TEST_F(SessionTest, AMountThatCannotBeOpenedCallsItOff)
{
    kernel.cannot_open = {{"/data", EIO}};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_THAT(frozen->error().message(), HasSubstr("/data"));
    EXPECT_FALSE(did("quiesce"));
}

TEST_F(SessionTest, AnOpenThatNeverComesBackCallsItOff)
{
    kernel.stuck_open = {"/data"};
    freeze();
    EXPECT_FALSE(frozen);
    pass(10s);
    ASSERT_TRUE(frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::timeout);
    EXPECT_THAT(frozen->error().message(), HasSubstr("/data"));
}

TEST_F(SessionTest, AMountThatChangedSincePlanningIsLeftOutAndReported)
{
    kernel.replaced = {"/data"};
    freeze();
    ASSERT_TRUE(*frozen);
    EXPECT_FALSE(did("freeze /data"));
    EXPECT_EQ(row((*frozen)->report, "/data").result, FsResult::failed);
    EXPECT_THAT(row((*frozen)->report, "/data").reason, HasSubstr("changed between plan"));
    EXPECT_EQ((*frozen)->report.outcome, Outcome::degraded);
}

TEST_F(SessionTest, WithoutAGuardNothingIsFrozen)
{
    guards.start_error = Error{ErrorKind::not_found, "no such program"};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_FALSE(did("quiesce"));
    EXPECT_FALSE(did("freeze /"));
}

TEST_F(SessionTest, AGuardThatCannotBeArmedUndoesTheHooks)
{
    guards.arm_error = Error{ErrorKind::io, "guard died"};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_FALSE(did("freeze /"));
    EXPECT_LT(when("release"), when("thaw hooks"));
    EXPECT_EQ(quiet_hooks.told, hooks::Outcome::aborted);
}

TEST_F(SessionTest, NothingIsFrozenBeforeTheGuardSaysThatItWatches)
{
    guards.answers_arm = false;
    freeze();
    EXPECT_TRUE(did("arm guard"));
    EXPECT_FALSE(did("freeze /data"));
}

TEST_F(SessionTest, AStateThatCannotBeWrittenCallsItOff)
{
    store.save_error = Error{ErrorKind::io, "No space left on device"};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_FALSE(did("arm guard"));
    EXPECT_TRUE(did("thaw hooks"));
}

TEST_F(SessionTest, AHookThatFailsUndoesTheOthers)
{
    quiet_hooks.result.error = Error{ErrorKind::io, "10-db: exit status 1: no space"};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().message(), "10-db: exit status 1: no space");
    EXPECT_FALSE(did("freeze /"));
    EXPECT_TRUE(did("thaw hooks"));
    EXPECT_EQ(session->status().last->outcome, Outcome::aborted);
}

TEST_F(SessionTest, AFreezeThatFailsThawsWhatWasFrozen)
{
    kernel.freeze_errors = {{"/", EIO}};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_THAT(frozen->error().message(), HasSubstr("/: freezing"));
    EXPECT_THAT(kernel.frozen, IsEmpty());
    EXPECT_LT(when("thaw /data"), when("release"));
    EXPECT_TRUE(did("remove state"));
    EXPECT_FALSE(session->status().counts_as_frozen);
}

TEST_F(SessionTest, AForeignFreezeIsBusyAndStaysAsItIs)
{
    kernel.frozen = {"/data"};
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::busy);
    EXPECT_THAT(kernel.frozen, ElementsAre("/data"));
    EXPECT_FALSE(did("thaw /data"));
}

TEST_F(SessionTest, AForeignFreezeCanBeReportedInsteadAndTheGuardForgetsIt)
{
    settings.foreign = ForeignFreeze::report;
    make_session();
    kernel.frozen = {"/data"};
    freeze();
    ASSERT_TRUE(*frozen);
    EXPECT_EQ((*frozen)->count, 1);
    EXPECT_EQ(row((*frozen)->report, "/data").result, FsResult::already_frozen);
    EXPECT_THAT(guards.forgotten, ElementsAre(0U));
    thaw();
    EXPECT_THAT(kernel.frozen, ElementsAre("/data"));
}

TEST_F(SessionTest, WavesFreezeInnermostFirstAndThawInReverse)
{
    settings.parallel = 8;
    table.mounts = {make_mount(1, 0, "/", makedev(254, 1)),
                    make_mount(2, 1, "/inner", makedev(7, 0)),
                    make_mount(3, 1, "/other", makedev(254, 3))};
    layers.files["/inner"] = {{"/images/disk.img", 0}};
    kernel.stuck_freeze = {"/inner"};
    freeze();
    EXPECT_TRUE(did("freeze /other"));
    EXPECT_FALSE(did("freeze /")); // the wave before it has not ended
    workers.come_back();
    settle();
    ASSERT_TRUE(frozen && *frozen);
    thaw();
    EXPECT_LT(when("thaw /"), when("thaw /inner"));
}

TEST_F(SessionTest, OneAtATimeWhenParallelIsOne)
{
    settings.parallel = 1;
    make_session();
    kernel.stuck_freeze = {"/data"};
    freeze();
    EXPECT_FALSE(did("freeze /"));
    workers.come_back();
    settle();
    EXPECT_TRUE(did("freeze /"));
}

TEST_F(SessionTest, TheLogIsHeldWhileFrozenAndWrittenAfterTheThaw)
{
    std::vector<std::string> lines;
    log::set_sink([&](log::Level, std::string_view line) { lines.emplace_back(line); });
    freeze();
    log::info("while frozen");
    EXPECT_THAT(lines, IsEmpty());
    thaw();
    EXPECT_THAT(lines, testing::Contains("while frozen"));
    log::set_sink(nullptr);
}

TEST_F(SessionTest, TheRunStateHasFileSystemsAndOwedHooks)
{
    freeze();
    ASSERT_TRUE(store.saved);
    EXPECT_EQ(store.saved->filesystems.size(), 2U);
    EXPECT_EQ(store.saved->filesystems[0].device, makedev(254, 2));
    ASSERT_EQ(store.saved->hooks.size(), 1U);
    EXPECT_EQ(store.saved->hooks[0].name, "10-db");
    EXPECT_TRUE(store.saved->granted);
}

TEST_F(SessionTest, HooksAreInTheRunStateBeforeAnyIsAsked)
{
    quiet_hooks.automatic = false;
    freeze();
    ASSERT_TRUE(did("quiesce"));
    ASSERT_TRUE(store.saved);
    EXPECT_EQ(store.saved->hooks.size(), 1U);
    EXPECT_THAT(store.saved->filesystems, IsEmpty());
    EXPECT_FALSE(store.saved->granted);
}

TEST_F(SessionTest, FileSystemsThatCannotBeWrittenDownAreNotFrozen)
{
    quiet_hooks.automatic = false;
    freeze();
    store.save_error = Error{ErrorKind::io, "No space left on device"};
    quiet_hooks.automatic = true;
    quiet_hooks.finish_quiesce();
    settle();
    ASSERT_TRUE(frozen);
    ASSERT_FALSE(*frozen);
    EXPECT_THAT(frozen->error().message(), HasSubstr("No space left"));
    EXPECT_FALSE(did("arm guard"));
    EXPECT_TRUE(did("thaw hooks"));
}

TEST_F(SessionTest, WhatIsStillOwedStaysInTheRunState)
{
    quiet_hooks.owed_after_thaw = {"10-db"};
    freeze();
    thaw(ThawWait::hooks);
    ASSERT_TRUE(store.saved);
    EXPECT_THAT(store.saved->filesystems, IsEmpty());
    EXPECT_EQ(store.saved->hooks.size(), 1U);
    EXPECT_FALSE(store.saved->granted);
    quiet_hooks.owed_after_thaw = {};
    pass(1s);
    EXPECT_FALSE(store.saved);
}

TEST_F(SessionTest, HooksThatCannotBeReadInTimeCallItOff)
{
    quiet_hooks.answers_prepare = false;
    freeze();
    EXPECT_FALSE(frozen);
    pass(10s);
    ASSERT_TRUE(frozen);
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::timeout);
    EXPECT_THAT(frozen->error().message(), HasSubstr("reading the hooks"));
    EXPECT_EQ(session->status().state, State::idle);
    EXPECT_FALSE(session->status().counts_as_frozen);
}

TEST_F(SessionTest, HooksLearnWhichFileSystemsMustNotBeTouched)
{
    table.mounts.push_back(make_mount(3, 1, "/net", makedev(0, 50), "nfs4", "server:/"));
    freeze();
    EXPECT_THAT(quiet_hooks.asked.remote, ElementsAre("/net"));
}

TEST_F(SessionTest, AThawInTheMiddleOfTheWriteBackStartsNoMoreOfIt)
{
    settings.parallel = 1;
    make_session();
    kernel.stuck_sync = {"/data"};
    freeze();
    thaw();
    ASSERT_TRUE(thawed && *thawed);
    workers.come_back();
    settle();
    EXPECT_FALSE(did("sync /"));
    EXPECT_EQ(session->status().state, State::idle);
}

} // namespace
} // namespace frostline::freeze
