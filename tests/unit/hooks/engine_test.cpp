// SPDX-License-Identifier: Apache-2.0
#include "hooks/engine.hpp"

#include "fake_launcher.hpp"
#include "support/prompt_workers.hpp"
#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace frostline::hooks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class EngineTest : public testing::Test {
protected:
    EngineTest()
    {
        settings_.directories = {folder_ / "d"};
        settings_.run_directory = folder_ / "run";
    }

    void oneshot(const std::string& name) { folder_.program("d/" + name); }
    void key_file(const std::string& name, const std::string& keys)
    {
        const std::string program = folder_.program("bin/" + name);
        folder_.write("d/" + name + ".hook", "[Hook]\nExec=" + program + "\n" + keys);
    }
    void session(const std::string& name, const std::string& keys = {})
    {
        key_file(name, "Type=session\n" + keys);
    }

    std::string prepare_error()
    {
        prepare_now();
        return run_ ? "" : prepare_error_;
    }
    Engine& engine()
    {
        engine_ = std::make_unique<Engine>(settings_, loop_, launcher_, workers_);
        return *engine_;
    }
    void prepare_now()
    {
        run_.reset();
        engine().prepare(request_, [this](Result<std::unique_ptr<QuiesceRun>> run) { take(run); });
        EXPECT_FALSE(run_) << "done came inside the call";
        settle();
    }
    void take(Result<std::unique_ptr<QuiesceRun>>& run)
    {
        if (run) {
            run_ = std::move(*run);
        } else {
            prepare_error_ = run.error().message();
        }
    }
    void prepare()
    {
        prepare_now();
        ASSERT_TRUE(run_) << prepare_error_;
        run_->on_debts([this] {
            saves_.push_back(testing::PrintToString(run_->owed()));
            return save_error_ ? Result<void>{fail(*save_error_)} : Result<void>{};
        });
        run_->on_lost([this](const std::string& reason) { lost_ = reason; });
    }
    void quiesce()
    {
        if (!run_) {
            prepare();
        }
        run_->quiesce([this](QuiesceResult result) { quiesced_ = std::move(result); });
        EXPECT_FALSE(quiesced_) << "done came inside the call";
        settle();
    }
    void release(Outcome outcome = Outcome::consistent, milliseconds limit = seconds{2})
    {
        run_->release(outcome, limit,
                      [this](HoldVerdict verdict) { verdict_ = std::move(verdict); });
        EXPECT_FALSE(verdict_) << "done came inside the call";
        settle();
    }
    void thaw(Outcome outcome = Outcome::consistent)
    {
        run_->thaw(outcome, [this] { thawed_ = true; });
        EXPECT_FALSE(thawed_) << "done came inside the call";
        settle();
    }
    void settle() { loop_.advance(std::chrono::microseconds{1}); }
    void exit(const std::string& call, int status, const std::string& err = {},
              const std::string& out = {})
    {
        launcher_.at(call).exit(status, err, out);
        settle();
    }
    void ready(const std::string& name)
    {
        launcher_.at(name + " hold").say("READY");
        settle();
    }
    [[nodiscard]] std::vector<std::string> results() const
    {
        static const char* const phases[] = {"check", "freeze", "hold", "thaw"};
        static const char* const names[] = {"done",    "held",   "lost",      "busy",
                                            "skipped", "failed", "timed_out", "cancelled"};
        std::vector<std::string> out;
        for (const HookRecord& record : run_->records()) {
            out.push_back(record.name + " " + phases[static_cast<int>(record.phase)] + " " +
                          names[static_cast<int>(record.result)]);
        }
        return out;
    }
    [[nodiscard]] std::string error() const
    {
        return quiesced_ && quiesced_->error ? quiesced_->error->message() : "(none)";
    }

    test::TempFolder folder_;
    test::FakeLoop loop_;
    test::FakeLauncher launcher_{loop_};
    test::PromptWorkers workers_{loop_};
    Settings settings_;
    QuiesceRequest request_{"id-1", {"/", "/srv"}, {}, milliseconds{0}, {}};
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<QuiesceRun> run_;
    std::string prepare_error_;
    std::vector<std::string> saves_; ///< what was owed each time that was to be written down
    std::optional<Error> save_error_;
    std::optional<QuiesceResult> quiesced_;
    std::optional<HoldVerdict> verdict_;
    std::optional<std::string> lost_;
    bool thawed_ = false;
};

TEST_F(EngineTest, NothingToRunIsDone)
{
    quiesce();
    ASSERT_TRUE(quiesced_);
    EXPECT_FALSE(quiesced_->error);
    EXPECT_EQ(quiesced_->holding, 0);
    release();
    EXPECT_TRUE(verdict_ && verdict_->held && verdict_->complete);
    thaw();
    EXPECT_TRUE(thawed_);
}

TEST_F(EngineTest, StagesGoUpOnFreezeAndDownOnThawSideBySideWithin)
{
    oneshot("20-b");
    oneshot("10-a");
    oneshot("20-c");
    quiesce();
    EXPECT_THAT(launcher_.calls(), ElementsAre("10-a freeze"));
    exit("10-a freeze", 0);
    EXPECT_THAT(launcher_.running(), ElementsAre("20-b freeze", "20-c freeze"));
    exit("20-c freeze", 0);
    EXPECT_FALSE(quiesced_);
    exit("20-b freeze", 0);
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(quiesced_->holding, 3);
    release();
    thaw();
    EXPECT_THAT(launcher_.running(), ElementsAre("20-b thaw", "20-c thaw"));
    exit("20-b thaw", 0);
    EXPECT_THAT(launcher_.running(), ElementsAre("20-c thaw"));
    exit("20-c thaw", 0);
    EXPECT_THAT(launcher_.running(), ElementsAre("10-a thaw"));
    EXPECT_THAT(run_->owed(), ElementsAre("10-a"));
    EXPECT_FALSE(thawed_);
    exit("10-a thaw", 0);
    EXPECT_TRUE(thawed_);
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(EngineTest, TheCompatibleScriptIsOutermost)
{
    settings_.compatible_script = folder_.program("fsfreeze-hook");
    oneshot("00-a");
    quiesce();
    EXPECT_THAT(launcher_.running(), ElementsAre("fsfreeze-hook freeze"));
    exit("fsfreeze-hook freeze", 0);
    exit("00-a freeze", 0);
    release();
    thaw();
    EXPECT_THAT(launcher_.running(), ElementsAre("00-a thaw"));
    exit("00-a thaw", 0);
    EXPECT_THAT(launcher_.running(), ElementsAre("fsfreeze-hook thaw"));
    EXPECT_EQ(run_->records().front().stage, -1);
}

TEST_F(EngineTest, AMissingCompatibleScriptFailsTheFreeze)
{
    settings_.compatible_script = folder_ / "none";
    EXPECT_THAT(prepare_error(), AllOf(HasSubstr("fsfreeze-hook"), HasSubstr("No such file")));
}

TEST_F(EngineTest, EnvironmentIsAsPromised)
{
    key_file("20-a", "Environment=ONE=1;PATH=/opt/bin\nFreezeTimeout=3s\nThawTimeout=4s\n");
    quiesce();
    const test::FakeProcess& freeze = launcher_.at("20-a freeze");
    EXPECT_EQ(freeze.environment("FROSTLINE_PHASE"), "freeze");
    EXPECT_EQ(freeze.environment("FROSTLINE_FREEZE_ID"), "id-1");
    EXPECT_EQ(freeze.environment("FROSTLINE_HOOK"), "20-a");
    EXPECT_EQ(freeze.environment("FROSTLINE_TIMEOUT_MS"), "3000");
    EXPECT_EQ(freeze.environment("FROSTLINE_OUTCOME"), "(unset)");
    EXPECT_EQ(freeze.environment("LC_ALL"), "C");
    EXPECT_EQ(freeze.environment("ONE"), "1");
    EXPECT_EQ(freeze.environment("PATH"), "/opt/bin");
    EXPECT_EQ(freeze.environment("HOME"), folder_ / "run/hooks/20-a");
    EXPECT_EQ(freeze.environment("TMPDIR"), freeze.environment("HOME"));
    EXPECT_EQ(freeze.spec.directory, freeze.environment("HOME"));
    EXPECT_FALSE(freeze.spec.stdin_pipe);
    EXPECT_FALSE(freeze.spec.kill_leftovers);
    std::ifstream file{freeze.environment("FROSTLINE_MOUNTS")};
    std::stringstream mounts;
    mounts << file.rdbuf();
    EXPECT_EQ(mounts.str(), std::string("/\0/srv\0", 7));
    exit("20-a freeze", 0);
    release(Outcome::expired);
    thaw(Outcome::expired);
    const test::FakeProcess& after = launcher_.at("20-a thaw");
    EXPECT_EQ(after.environment("FROSTLINE_OUTCOME"), "expired");
    EXPECT_EQ(after.environment("FROSTLINE_TIMEOUT_MS"), "4000");
    const std::string list = after.environment("FROSTLINE_MOUNTS");
    run_.reset();
    EXPECT_FALSE(std::filesystem::exists(list));
}

TEST_F(EngineTest, ASessionHoldsAndSaysSo)
{
    session("60-db");
    quiesce();
    const test::FakeProcess& db = launcher_.at("60-db hold");
    EXPECT_TRUE(db.spec.stdin_pipe);
    EXPECT_TRUE(db.spec.kill_leftovers);
    db.say("connecting");
    db.say(" READY or not");
    settle();
    EXPECT_FALSE(quiesced_);
    ready("60-db");
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(quiesced_->holding, 1);
    ready("60-db"); // twice is harmless
    loop_.advance(seconds{50});
    EXPECT_FALSE(db.terminated) << "the freeze limit went on after READY";
    EXPECT_THAT(run_->owed(), ElementsAre("60-db"));
    release();
    EXPECT_EQ(db.input, "thaw\n");
    EXPECT_TRUE(db.input_closed);
    EXPECT_FALSE(verdict_);
    exit("60-db hold", 0);
    ASSERT_TRUE(verdict_);
    EXPECT_TRUE(verdict_->held);
    EXPECT_TRUE(verdict_->complete);
    EXPECT_THAT(run_->owed(), IsEmpty());
    thaw();
    EXPECT_TRUE(thawed_);
    EXPECT_THAT(results(), ElementsAre("60-db hold done", "60-db thaw held"));
    EXPECT_EQ(launcher_.calls().size(), 1U);
}

TEST_F(EngineTest, SessionsLetGoStagesDownwards)
{
    session("40-a");
    session("60-b");
    quiesce();
    ready("40-a");
    ready("60-b");
    release();
    EXPECT_EQ(launcher_.at("60-b hold").input, "thaw\n");
    EXPECT_EQ(launcher_.at("40-a hold").input, "");
    exit("60-b hold", 0);
    EXPECT_EQ(launcher_.at("40-a hold").input, "thaw\n");
    exit("40-a hold", 0);
    EXPECT_TRUE(verdict_ && verdict_->held);
}

TEST_F(EngineTest, ASessionThatSaysItDidNotHoldMakesTheVerdictAndGetsAThawCall)
{
    session("60-db");
    quiesce();
    ready("60-db");
    release();
    exit("60-db hold", 1, "connection was closed by the server\n");
    ASSERT_TRUE(verdict_);
    EXPECT_FALSE(verdict_->held);
    EXPECT_EQ(verdict_->reason, "hook 60-db did not hold: exit status 1: connection was closed by "
                                "the server");
    EXPECT_THAT(run_->owed(), ElementsAre("60-db"));
    thaw();
    exit("60-db thaw", 0);
    EXPECT_TRUE(thawed_);
    EXPECT_THAT(results(), ElementsAre("60-db hold done", "60-db thaw lost", "60-db thaw done"));
}

TEST_F(EngineTest, ASessionThatDiesWhileItHoldsIsToldAtOnce)
{
    session("60-db");
    quiesce();
    ready("60-db");
    launcher_.at("60-db hold").die(11);
    settle();
    ASSERT_TRUE(lost_);
    EXPECT_THAT(*lost_,
                HasSubstr("60-db ended while it should hold: ended by signal 11 (SIGSEGV)"));
    release();
    ASSERT_TRUE(verdict_);
    EXPECT_FALSE(verdict_->held);
    EXPECT_TRUE(verdict_->complete);
    thaw();
    EXPECT_THAT(launcher_.running(), ElementsAre("60-db thaw"));
}

TEST_F(EngineTest, ExitZeroWhileHoldingIsLostToo)
{
    session("60-db");
    quiesce();
    ready("60-db");
    exit("60-db hold", 0);
    EXPECT_TRUE(lost_);
}

TEST_F(EngineTest, ReleaseWaitsNoLongerThanItsLimitAndTellsAll)
{
    session("40-a");
    session("60-b");
    quiesce();
    ready("40-a");
    ready("60-b");
    release(Outcome::consistent, seconds{2});
    loop_.advance(seconds{2});
    ASSERT_TRUE(verdict_);
    EXPECT_FALSE(verdict_->complete);
    EXPECT_THAT(verdict_->reason, HasSubstr("60-b has not said in time"));
    EXPECT_EQ(launcher_.at("40-a hold").input, "thaw\n");
    thaw();
    EXPECT_FALSE(thawed_) << "sessions have limits of their own, and thaw() waits for them";
    exit("60-b hold", 0);
    exit("40-a hold", 0);
    EXPECT_TRUE(thawed_);
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(EngineTest, ASessionThatNeverAnswersIsKilledAtItsThawTimeout)
{
    session("60-db", "ThawTimeout=3s\n");
    quiesce();
    ready("60-db");
    release();
    loop_.advance(milliseconds{2100});
    EXPECT_FALSE(launcher_.at("60-db hold").terminated);
    loop_.advance(seconds{1});
    EXPECT_TRUE(launcher_.at("60-db hold").terminated);
    thaw();
    EXPECT_THAT(launcher_.running(), ElementsAre("60-db thaw"));
}

TEST_F(EngineTest, AFailedHookCallsTheFreezeOffAndIsThawedToo)
{
    oneshot("10-a");
    oneshot("20-b");
    oneshot("30-never");
    quiesce();
    exit("10-a freeze", 0);
    exit("20-b freeze", 3, "first\nsecond\n\ndisk on fire\n");
    EXPECT_EQ(error(),
              "hook 20-b: failed: exit status 3: disk on fire (before that: first | second)");
    release(Outcome::aborted);
    thaw(Outcome::aborted);
    EXPECT_THAT(launcher_.running(), ElementsAre("20-b thaw"));
    EXPECT_EQ(launcher_.at("20-b thaw").environment("FROSTLINE_OUTCOME"), "aborted");
    exit("20-b thaw", 0);
    exit("10-a thaw", 0);
    EXPECT_TRUE(thawed_);
    EXPECT_THAT(launcher_.calls(),
                ElementsAre("10-a freeze", "20-b freeze", "20-b thaw", "10-a thaw"));
    EXPECT_EQ(run_->records()[1].standard_error, "first\nsecond\n\ndisk on fire\n");
}

TEST_F(EngineTest, AFailureStopsTheOthersOfItsStage)
{
    oneshot("20-a");
    oneshot("20-b");
    session("20-c");
    quiesce();
    exit("20-a freeze", 1);
    EXPECT_TRUE(launcher_.at("20-b freeze").terminated);
    EXPECT_TRUE(launcher_.at("20-c hold").terminated);
    ASSERT_TRUE(quiesced_);
    EXPECT_THAT(error(), StartsWith("hook 20-a: failed: exit status 1"));
    EXPECT_THAT(results(),
                ElementsAre("20-a freeze failed", "20-b freeze cancelled", "20-c hold cancelled"));
    EXPECT_THAT(run_->owed(), UnorderedElementsAre("20-a", "20-b", "20-c"));
}

TEST_F(EngineTest, OneThatCannotBeStartedFailsAndOwesNothing)
{
    oneshot("20-a");
    launcher_.cannot_run = "20-a";
    quiesce();
    EXPECT_THAT(error(), AllOf(StartsWith("hook 20-a: "), HasSubstr("No such file")));
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(EngineTest, OnFailureContinueDegrades)
{
    key_file("20-a", "OnFailure=continue\n");
    oneshot("30-b");
    quiesce();
    exit("20-a freeze", 1);
    EXPECT_FALSE(launcher_.at("30-b freeze").terminated);
    exit("30-b freeze", 0);
    ASSERT_TRUE(quiesced_);
    EXPECT_FALSE(quiesced_->error);
    EXPECT_TRUE(quiesced_->degraded);
    EXPECT_EQ(quiesced_->holding, 1);
    EXPECT_THAT(run_->owed(), ElementsAre("20-a", "30-b"));
    EXPECT_TRUE(run_->records()[0].optional);
}

TEST_F(EngineTest, BusyTellsTheHostWhenToComeBack)
{
    oneshot("20-a");
    quiesce();
    exit("20-a freeze", 75, "long query since 40 s\nRETRY-AFTER=90\n");
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(quiesced_->error->kind(), ErrorKind::busy);
    EXPECT_EQ(quiesced_->retry_after, seconds{90});
    EXPECT_EQ(error(),
              "hook 20-a: is busy: exit status 75: long query since 40 s (try again in 90 s)");
    EXPECT_THAT(results(), ElementsAre("20-a freeze busy"));
}

TEST_F(EngineTest, RetryAfterIsReadFromStandardOutputToo)
{
    oneshot("20-a");
    quiesce();
    exit("20-a freeze", 75, "", "RETRY-AFTER=5\n");
    EXPECT_EQ(quiesced_->retry_after, seconds{5});
}

TEST_F(EngineTest, SkippedHooksHoldNothingAndOweNothing)
{
    oneshot("20-a");
    session("60-b");
    quiesce();
    exit("20-a freeze", 77, "not running\n");
    exit("60-b hold", 77);
    ASSERT_TRUE(quiesced_);
    EXPECT_FALSE(quiesced_->error);
    EXPECT_EQ(quiesced_->holding, 0);
    EXPECT_THAT(run_->owed(), IsEmpty());
    EXPECT_THAT(results(), ElementsAre("20-a freeze skipped", "60-b hold skipped"));
}

TEST_F(EngineTest, ASessionThatExitsBeforeReadyBreaksTheProtocol)
{
    session("60-db");
    quiesce();
    exit("60-db hold", 0, "bye\n");
    EXPECT_EQ(error(), "hook 60-db: failed: exited without saying READY: bye");
    thaw(Outcome::aborted);
    EXPECT_THAT(launcher_.running(), ElementsAre("60-db thaw"));
}

TEST_F(EngineTest, ASessionThatIsNeverReadyTimesOut)
{
    session("60-db", "FreezeTimeout=5s\n");
    quiesce();
    loop_.advance(milliseconds{4900});
    EXPECT_FALSE(quiesced_);
    loop_.advance(milliseconds{200});
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(quiesced_->error->kind(), ErrorKind::timeout);
    EXPECT_THAT(error(), AllOf(HasSubstr("60-db"), HasSubstr("READY"), HasSubstr("within 5")));
    EXPECT_THAT(results(), ElementsAre("60-db hold timed_out"));
    EXPECT_THAT(run_->owed(), ElementsAre("60-db"));
}

TEST_F(EngineTest, ALimitEndsAOneShot)
{
    key_file("20-a", "FreezeTimeout=250ms\n");
    quiesce();
    loop_.advance(milliseconds{300});
    EXPECT_THAT(error(), AllOf(HasSubstr("did not end within 250ms and was killed")));
}

TEST_F(EngineTest, OneThatCannotBeKilledIsGivenUp)
{
    oneshot("20-a");
    quiesce();
    launcher_.at("20-a freeze").ignores_term = true;
    loop_.advance(seconds{12});
    EXPECT_FALSE(quiesced_);
    loop_.advance(seconds{2});
    ASSERT_TRUE(quiesced_) << "a process that waits in the kernel held up the roll-back";
    EXPECT_THAT(error(), HasSubstr("cannot be killed"));
    EXPECT_TRUE(launcher_.at("20-a freeze").destroyed);
}

TEST_F(EngineTest, TheBudgetBoundsAllHooksTogether)
{
    request_.budget = seconds{15};
    oneshot("10-a");
    oneshot("20-b");
    quiesce();
    loop_.advance(seconds{8});
    exit("10-a freeze", 0);
    EXPECT_EQ(launcher_.at("20-b freeze").environment("FROSTLINE_TIMEOUT_MS"), "6999");
    loop_.advance(seconds{8});
    EXPECT_THAT(error(), AllOf(HasSubstr("20-b"), HasSubstr("hook-budget")));
}

TEST_F(EngineTest, NothingStartsAfterTheBudget)
{
    request_.budget = seconds{5};
    key_file("10-a", "OnFailure=continue\n");
    oneshot("20-b");
    quiesce();
    launcher_.at("10-a freeze").ignores_term = true;
    loop_.advance(seconds{9});
    EXPECT_THAT(error(), AllOf(HasSubstr("20-b"), HasSubstr("was not started")));
    EXPECT_THAT(launcher_.calls(), ElementsAre("10-a freeze"));
}

TEST_F(EngineTest, CancelEndsWhatRunsAndStartsNothing)
{
    session("10-a");
    oneshot("20-b");
    oneshot("30-c");
    quiesce();
    ready("10-a");
    run_->cancel();
    EXPECT_FALSE(quiesced_) << "done came inside the call";
    settle();
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(quiesced_->error->kind(), ErrorKind::cancelled);
    EXPECT_THAT(launcher_.running(), ElementsAre("10-a hold"));
    EXPECT_THAT(run_->owed(), ElementsAre("10-a", "20-b"));
}

TEST_F(EngineTest, CancelBeforeAnythingHasStarted)
{
    oneshot("20-a");
    prepare();
    run_->quiesce([this](QuiesceResult result) { quiesced_ = std::move(result); });
    run_->cancel();
    settle();
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(quiesced_->error->kind(), ErrorKind::cancelled);
    EXPECT_THAT(launcher_.calls(), IsEmpty());
}

TEST_F(EngineTest, ASessionLostDuringALaterStageCallsTheFreezeOff)
{
    session("10-a");
    oneshot("20-b");
    quiesce();
    ready("10-a");
    exit("10-a hold", 1, "server went away\n");
    ASSERT_TRUE(quiesced_);
    EXPECT_THAT(error(), AllOf(HasSubstr("10-a"), HasSubstr("server went away")));
    EXPECT_TRUE(launcher_.at("20-b freeze").terminated);
}

TEST_F(EngineTest, FailedThawsAreRetriedWithPausesAndStayVisible)
{
    oneshot("10-a");
    oneshot("20-b");
    quiesce();
    exit("10-a freeze", 0);
    exit("20-b freeze", 0);
    release();
    thaw();
    exit("20-b thaw", 1);
    EXPECT_THAT(launcher_.running(), ElementsAre("10-a thaw")) << "lower stages do not wait";
    exit("10-a thaw", 0);
    EXPECT_FALSE(thawed_);
    EXPECT_THAT(run_->owed(), ElementsAre("20-b"));
    loop_.advance(seconds{1});
    exit("20-b thaw", 1);
    loop_.advance(milliseconds{1900});
    EXPECT_THAT(launcher_.running(), IsEmpty());
    loop_.advance(milliseconds{100});
    EXPECT_THAT(launcher_.running(), ElementsAre("20-b thaw"));
    exit("20-b thaw", 0);
    EXPECT_TRUE(thawed_);
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(EngineTest, RetriesEndAfterThreeTries)
{
    oneshot("10-a");
    quiesce();
    exit("10-a freeze", 0);
    release();
    thaw();
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(thawed_);
        exit("10-a thaw", 9);
        loop_.advance(seconds{5});
    }
    EXPECT_TRUE(thawed_);
    EXPECT_EQ(launcher_.calls().size(), 4U);
    EXPECT_THAT(run_->owed(), ElementsAre("10-a"));
}

TEST_F(EngineTest, DestroyingTheRunKillsWhatRunsAndNothingCallsBack)
{
    session("10-a");
    oneshot("20-b");
    quiesce();
    ready("10-a");
    run_.reset();
    EXPECT_THAT(launcher_.running(), IsEmpty());
    loop_.advance(seconds{100});
    EXPECT_FALSE(quiesced_);
}

TEST_F(EngineTest, ARefusedHookFailsTheFreezeByName)
{
    folder_.write("d/20-a", "#!/bin/sh\n", 0777);
    EXPECT_THAT(prepare_error(), AllOf(HasSubstr("hook 20-a is refused"),
                                       HasSubstr("d/20-a: writable by group or others")));
}

TEST_F(EngineTest, AnUnknownUserFailsUnlessTheConditionIsUnmet)
{
    key_file("20-a", "User=no-such-user\n");
    EXPECT_THAT(prepare_error(), AllOf(HasSubstr("20-a.hook: [Hook] User"),
                                       HasSubstr("there is no user 'no-such-user'")));
    key_file("20-a", "User=no-such-user\nConditionPathExists=/no/such\n");
    EXPECT_EQ(prepare_error(), "");
}

TEST_F(EngineTest, FilesystemsDecideBeforeTheFreeze)
{
    key_file("20-here", "Filesystems=" + (folder_ / "not/yet") + "\n");
    key_file("20-elsewhere", "Filesystems=/proc/self\n");
    struct stat status {};
    ::stat((folder_ / "d").c_str(), &status);
    request_.mount_points = {};
    request_.devices = {status.st_dev};
    quiesce();
    EXPECT_THAT(launcher_.calls(), ElementsAre("20-here freeze"));
    EXPECT_THAT(results(), ElementsAre("20-elsewhere freeze skipped"));
}

TEST_F(EngineTest, APathOnARemoteFileSystemIsNotTouched)
{
    // That it isn't looked at cannot be seen here; that it doesn't count, can.
    key_file("20-remote", "Filesystems=" + (folder_ / "d") + "\n");
    struct stat status {};
    ::stat((folder_ / "d").c_str(), &status);
    request_.mount_points = {"/"};
    request_.devices = {status.st_dev};
    request_.remote = {folder_ / "d"};
    quiesce();
    EXPECT_THAT(results(), ElementsAre("20-remote freeze skipped"));
}

TEST_F(EngineTest, AFileSystemMountedBelowARemoteOneCounts)
{
    key_file("20-local", "Filesystems=" + (folder_ / "d/20-local.hook") + "\n");
    struct stat status {};
    ::stat((folder_ / "d").c_str(), &status);
    request_.mount_points = {folder_ / "d"};
    request_.devices = {status.st_dev};
    request_.remote = {"/"};
    quiesce();
    EXPECT_THAT(launcher_.calls(), ElementsAre("20-local freeze"));
}

TEST_F(EngineTest, WhoIsAskedIsWrittenDownBeforeItIsAsked)
{
    oneshot("10-a");
    session("20-b");
    prepare();
    quiesce();
    EXPECT_THAT(saves_, ElementsAre("{ \"10-a\" }"));
    EXPECT_NE(run_->debts()[0].running, 0U);
    EXPECT_EQ(run_->debts()[0].running, launcher_.at("10-a freeze").spec.run_tag);
    exit("10-a freeze", 0);
    EXPECT_EQ(run_->debts()[0].running, 0U) << "it has ended: what it left is for its thaw";
    EXPECT_EQ(saves_.back(), "{ \"10-a\", \"20-b\" }");
    ready("20-b");
    EXPECT_NE(run_->debts()[1].running, 0U) << "a session runs on";
    release();
    exit("20-b hold", 0);
    EXPECT_EQ(saves_.back(), "{ \"10-a\" }");
    thaw();
    EXPECT_NE(run_->debts()[0].running, 0U);
    exit("10-a thaw", 0);
    EXPECT_EQ(saves_.back(), "{}");
}

TEST_F(EngineTest, OneThatIsSkippedIsStruckFromTheRecord)
{
    oneshot("10-a");
    prepare();
    quiesce();
    exit("10-a freeze", 77);
    EXPECT_EQ(saves_.back(), "{}");
}

TEST_F(EngineTest, WhatCannotBeWrittenDownIsNotAsked)
{
    key_file("10-a", "OnFailure=continue\n"); // not its failure, so that doesn't help
    prepare();
    save_error_ = Error{ErrorKind::io, "writing freeze.state: No space left on device"};
    quiesce();
    EXPECT_THAT(error(), AllOf(HasSubstr("10-a"), HasSubstr("No space left on device")));
    EXPECT_THAT(launcher_.calls(), IsEmpty());
    EXPECT_THAT(run_->owed(), IsEmpty());
}

TEST_F(EngineTest, AnOptionalSessionLostDuringALaterStageDegradesOnly)
{
    session("10-a", "OnFailure=continue\n");
    oneshot("20-b");
    quiesce();
    ready("10-a");
    exit("10-a hold", 1, "server went away\n");
    EXPECT_FALSE(launcher_.at("20-b freeze").terminated);
    exit("20-b freeze", 0);
    ASSERT_TRUE(quiesced_);
    EXPECT_EQ(error(), "(none)");
    EXPECT_TRUE(quiesced_->degraded);
    EXPECT_EQ(quiesced_->holding, 1);
    EXPECT_FALSE(lost_);
    EXPECT_THAT(run_->owed(), ElementsAre("10-a", "20-b"));
    release();
    EXPECT_TRUE(verdict_ && verdict_->held);
}

TEST_F(EngineTest, RecoveryThawsWhoIsOwedStagesDownwards)
{
    oneshot("10-a");
    oneshot("20-b");
    session("30-c");
    oneshot("40-not-asked");
    engine().recover("id-0", {{"30-c"}, {"10-a"}, {"20-b"}, {"50-removed"}},
                     [this](Result<std::unique_ptr<QuiesceRun>> run) { take(run); });
    settle();
    ASSERT_TRUE(run_);
    EXPECT_THAT(run_->owed(), ElementsAre("10-a", "20-b", "30-c"));
    thaw(Outcome::aborted);
    for (const char* call : {"30-c thaw", "20-b thaw", "10-a thaw"}) {
        EXPECT_THAT(launcher_.running(), ElementsAre(call));
        EXPECT_EQ(launcher_.at(call).environment("FROSTLINE_OUTCOME"), "aborted");
        EXPECT_EQ(launcher_.at(call).environment("FROSTLINE_FREEZE_ID"), "id-0");
        exit(call, 0);
    }
    EXPECT_TRUE(thawed_);
}

TEST_F(EngineTest, ListsWithStatesAndChecks)
{
    oneshot("10-good");
    key_file("20-absent", "ConditionPathExists=/no/such\nDescription=nothing\n");
    folder_.write("d/30-bad.hook", "[Hook]\nExex=/bin/true\n");
    std::filesystem::create_symlink("/dev/null", folder_ / "d/40-gone");
    session("50-db", "FreezeTimeout=3s\nOnFailure=continue\n");
    std::optional<std::vector<HookListing>> listing;
    engine().list(true, [&](Result<std::vector<HookListing>> result) {
        ASSERT_TRUE(result);
        listing = std::move(*result);
    });
    EXPECT_FALSE(listing);
    settle();
    EXPECT_THAT(launcher_.running(), ElementsAre("10-good check", "50-db check"));
    EXPECT_EQ(launcher_.at("50-db check").environment("FROSTLINE_MOUNTS"), "(unset)");
    exit("10-good check", 0, "", "fine\n");
    EXPECT_FALSE(listing);
    exit("50-db check", 1, "no rights\n");
    ASSERT_TRUE(listing);
    ASSERT_EQ(listing->size(), 5U);
    using State = HookListing::State;
    EXPECT_EQ((*listing)[0].state, State::active);
    EXPECT_EQ((*listing)[0].check->result, HookResult::done);
    EXPECT_EQ((*listing)[0].check->standard_output, "fine\n");
    EXPECT_EQ((*listing)[1].state, State::condition_unmet);
    EXPECT_EQ((*listing)[1].description, "nothing");
    EXPECT_EQ((*listing)[2].state, State::refused);
    EXPECT_THAT((*listing)[2].reason, AllOf(HasSubstr("30-bad.hook:2: [Hook] Exex: unknown key")));
    EXPECT_EQ((*listing)[3].state, State::masked);
    EXPECT_TRUE((*listing)[4].session);
    EXPECT_TRUE((*listing)[4].optional);
    EXPECT_EQ((*listing)[4].freeze_timeout, seconds{3});
    EXPECT_EQ((*listing)[4].check->result, HookResult::failed);
}

TEST_F(EngineTest, OutputInTheReportIsCleanAndBounded)
{
    oneshot("20-a");
    quiesce();
    system::ChildResult result;
    result.exit_status = 0;
    result.out.text = std::string("ok \xff \x1b[31m\0end\n", 15);
    result.err.text = std::string(65536, 'x');
    result.err.tail = std::string(4090, 'y') + "\nlast\n";
    result.err.dropped = 1'000'000;
    launcher_.at("20-a freeze").end(result);
    settle();
    const HookRecord& record = run_->records()[0];
    EXPECT_EQ(record.standard_output, "ok \\xff \\x1b[31m\\x00end\n");
    EXPECT_LE(record.standard_error.size(), 65536U);
    EXPECT_THAT(record.standard_error,
                AllOf(StartsWith("xxx"), HasSubstr(" bytes left out]\nyyy")));
    EXPECT_TRUE(record.standard_error.ends_with("\nlast\n"));
}

} // namespace
} // namespace frostline::hooks
