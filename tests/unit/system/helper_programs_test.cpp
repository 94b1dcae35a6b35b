// SPDX-License-Identifier: Apache-2.0
#include "system/helper_programs.hpp"

#include "support/poll_loop.hpp"
#include "support/temp_folder.hpp"
#include "system/find_program.hpp"
#include "system/process_launcher.hpp"
#include "unit/hooks/fake_launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// --- the wording of qemu-ga's "run program", row by row

ChildResult exited(int status, std::string out = {}, std::string err = {})
{
    ChildResult result;
    result.exit_status = status;
    result.out.text = std::move(out);
    result.err.text = std::move(err);
    return result;
}

std::string verdict(const ChildResult& result)
{
    const Result<void> told = helper_verdict("shutdown", result);
    return told ? "success" : told.error().message();
}

TEST(HelperVerdict, ExitStatus0IsSuccessWhateverItPrinted)
{
    EXPECT_EQ(verdict(exited(0, "noise\n", "more noise\n")), "success");
}

TEST(HelperVerdict, AFailureWithOutputQuotesIt)
{
    EXPECT_EQ(verdict(exited(3, "", "no way\n")), "child process has failed to shutdown: no way\n");
    EXPECT_EQ(verdict(exited(1, "out\n", "err\n")),
              "child process has failed to shutdown: out\nerr\n");
}

TEST(HelperVerdict, AFailureWithoutOutputTellsItsStatus)
{
    EXPECT_EQ(verdict(exited(7)), "child process has failed to shutdown: exit status 7");
}

TEST(HelperVerdict, ASignalIsAnAbnormalEnd)
{
    ChildResult result;
    result.signal = 11;
    EXPECT_EQ(verdict(result), "child process has terminated abnormally");
    result.err.text = "oops";
    EXPECT_EQ(verdict(result), "child process has terminated abnormally: oops");
}

TEST(HelperVerdict, OutputThatWasCutSaysSo)
{
    ChildResult result = exited(1, "long");
    result.out.dropped = 1;
    EXPECT_EQ(verdict(result), "child process has failed to shutdown: long...");
}

std::string not_started(int code)
{
    const Error error = fail_errno("/sbin/x: cannot run", code).error;
    return helper_not_started("shutdown", "/sbin/x", error).message();
}

TEST(HelperNotStarted, IsWordedByWhatFailed)
{
    EXPECT_EQ(not_started(ENOENT), "child process has failed to shutdown: failed to exec "
                                   "'/sbin/x': No such file or directory\n");
    EXPECT_EQ(
        not_started(EACCES),
        "child process has failed to shutdown: failed to exec '/sbin/x': Permission denied\n");
    EXPECT_EQ(not_started(EMFILE), "cannot create pipe FDs");
    EXPECT_EQ(not_started(EAGAIN),
              "failed to create child process: Resource temporarily unavailable");
}

// --- limits, with a clock of our own

class HelperProgramsTest : public testing::Test {
protected:
    HelperProgramsTest()
    {
        call_.program = folder_.program("bin/tool");
        call_.action = "do it";
        call_.limit = 10s;
    }
    void start()
    {
        helpers_.run(call_, [this](Result<void> result) { result_ = std::move(result); });
    }
    [[nodiscard]] std::string answer() const
    {
        return !result_ ? "none" : *result_ ? "success" : result_->error().message();
    }

    test::TempFolder folder_;
    std::string path_ = folder_ / "bin";
    test::FakeLoop loop_;
    test::FakeLauncher launcher_{loop_};
    std::chrono::nanoseconds slept_{0};
    HelperPrograms helpers_{loop_, launcher_, {path_, [this] { return slept_; }}};
    HelperCall call_;
    std::optional<Result<void>> result_;
};

TEST_F(HelperProgramsTest, RunsWithAFixedEnvironmentAndNoShell)
{
    call_.program = "tool"; // looked for in the search path
    call_.arguments = {"a b", "$c"};
    start();
    const ChildSpec& spec = launcher_.all.at(0)->spec;
    EXPECT_THAT(spec.arguments, ElementsAre(path_ + "/tool", "a b", "$c"));
    EXPECT_THAT(spec.environment, ElementsAre("PATH=" + path_, "LC_ALL=C"));
    EXPECT_FALSE(spec.stdin_pipe);
    EXPECT_EQ(answer(), "none");
    launcher_.all.at(0)->exit(0);
    EXPECT_EQ(answer(), "success");
}

TEST_F(HelperProgramsTest, HandsOnItsInputAndCloses)
{
    call_.input = "root:secret\n";
    start();
    EXPECT_EQ(launcher_.all.at(0)->input, "root:secret\n");
    EXPECT_TRUE(launcher_.all.at(0)->input_closed);
    for (const std::string& argument : launcher_.all.at(0)->spec.arguments) {
        EXPECT_THAT(argument, testing::Not(HasSubstr("secret")));
    }
}

TEST_F(HelperProgramsTest, AProgramThatIsNowhereInThePathIsAnExecFailure)
{
    call_.program = "no-such-tool";
    start();
    EXPECT_EQ(answer(), "none"); // never inside the call
    loop_.advance(0ns);
    EXPECT_EQ(answer(), "child process has failed to do it: failed to exec 'no-such-tool': No such "
                        "file or directory\n");
}

TEST_F(HelperProgramsTest, AProgramThatHangsIsEndedAndTold)
{
    start();
    loop_.advance(9s);
    EXPECT_FALSE(launcher_.all.at(0)->terminated);
    loop_.advance(2s);
    EXPECT_TRUE(launcher_.all.at(0)->terminated);
    EXPECT_EQ(answer(), "child process has failed to do it: it did not end within 10 s");
    EXPECT_EQ(result_->error().kind(), ErrorKind::timeout);
}

TEST_F(HelperProgramsTest, OneThatCannotBeKilledIsNotWaitedFor)
{
    start();
    launcher_.all.at(0)->ignores_term = true; // it waits in the kernel
    loop_.advance(10s);
    EXPECT_EQ(answer(), "none");
    loop_.advance(3s);
    EXPECT_EQ(answer(), "child process has failed to do it: it did not end within 10 s");
    EXPECT_TRUE(launcher_.all.at(0)->destroyed);
}

TEST_F(HelperProgramsTest, TimeAsleepDoesNotCount)
{
    start();
    slept_ = 1h;
    loop_.advance(10s); // the loop's clock went on while the machine slept
    EXPECT_FALSE(launcher_.all.at(0)->terminated);
    loop_.advance(9s);
    launcher_.all.at(0)->exit(0);
    EXPECT_EQ(answer(), "success");
    EXPECT_EQ(loop_.pending_timers(), 0U);
}

TEST_F(HelperProgramsTest, SeveralRunBesideEachOther)
{
    start();
    std::optional<Result<void>> other;
    helpers_.run(call_, [&](Result<void> result) { other = std::move(result); });
    launcher_.all.at(1)->exit(1);
    EXPECT_EQ(answer(), "none");
    EXPECT_FALSE(*other);
    launcher_.all.at(0)->exit(0);
    EXPECT_EQ(answer(), "success");
}

// --- real processes

class RealHelpersTest : public testing::Test {
protected:
    std::string run(const std::string& script, std::chrono::milliseconds limit = 10s)
    {
        HelperCall call;
        call.program = folder_.program("tool", script);
        call.action = "do it";
        call.limit = limit;
        call.input = "the input\n";
        std::optional<Result<void>> result;
        helpers_.run(std::move(call), [&](Result<void> told) { result = std::move(told); });
        EXPECT_TRUE(loop_.run_until([&] { return result.has_value(); }));
        return *result ? "success" : result->error().message();
    }

    test::TempFolder folder_;
    test::PollLoop loop_;
    ProcessLauncher launcher_{loop_};
    HelperPrograms helpers_{loop_, launcher_, {"/usr/bin:/bin"}};
};

TEST_F(RealHelpersTest, EndAsTheyEnd)
{
    EXPECT_EQ(run("#!/bin/sh\nread line; test \"$line\" = 'the input'\n"), "success");
    EXPECT_EQ(run("#!/bin/sh\nread line; echo not now >&2; exit 5\n"),
              "child process has failed to do it: not now\n");
    EXPECT_EQ(run("#!/bin/sh\nkill -SEGV $$\n"), "child process has terminated abnormally");
}

TEST_F(RealHelpersTest, AScriptWithoutItsFirstLineIsRunByTheShell)
{
    EXPECT_EQ(run("echo by the shell; exit 1\n"),
              "child process has failed to do it: by the shell\n");
}

TEST_F(RealHelpersTest, ADaemonThatKeepsTheOutputOpenHoldsUpNothing)
{
    EXPECT_EQ(run("#!/bin/sh\ntail -f /dev/null &\nexit 0\n"), "success");
}

TEST_F(RealHelpersTest, AHangingOneIsEnded)
{
    EXPECT_EQ(run("#!/bin/sh\nexec tail -f /dev/null\n", 50ms),
              "child process has failed to do it: it did not end within 50 ms");
}

TEST(TimeSlept, IsSteadyWhileAwake)
{
    const auto before = time_slept();
    EXPECT_LT(time_slept() - before, 50ms);
    EXPECT_GT(time_slept() - before, -50ms);
}

TEST(FindProgram, TakesTheFirstThatMayBeExecuted)
{
    const test::TempFolder folder;
    folder.write("a/tool", "not executable", 0644);
    folder.program("b/tool");
    folder.program("c/tool");
    const std::string path = folder / "a" + ":relative:" + (folder / "b") + ":" + (folder / "c");
    EXPECT_EQ(*find_program("tool", path), folder / "b/tool");
    EXPECT_EQ(*find_program("/any/path", path), "/any/path");
    EXPECT_EQ(find_program("other", path).error().os_error(), ENOENT);
}

TEST(FindProgram, SaysWhenThereIsOneThatMayNotBeExecuted)
{
    const test::TempFolder folder;
    folder.write("tool", "not executable", 0644);
    EXPECT_EQ(find_program("tool", folder / "").error().os_error(), EACCES);
}

} // namespace
} // namespace frostline::system
