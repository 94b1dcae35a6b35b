// SPDX-License-Identifier: Apache-2.0
#include "system/process_launcher.hpp"

#include "support/poll_loop.hpp"
#include "system/identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>

namespace frostline::system {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class ProcessLauncherTest : public testing::Test {
protected:
    static ChildSpec shell(const std::string& script)
    {
        ChildSpec spec;
        spec.arguments = {"/bin/sh", "-c", script};
        spec.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
        spec.limit = seconds{10};
        spec.kill_after = milliseconds{200};
        return spec;
    }

    /// Starts it; lines go to lines_, the result to result_.
    std::unique_ptr<Child> start(const ChildSpec& spec)
    {
        Result<std::unique_ptr<Child>> child =
            launcher_.launch(spec, {[this](std::string_view line) { lines_.emplace_back(line); },
                                    [this](ChildResult result) { result_ = std::move(result); }});
        EXPECT_TRUE(child) << child.error().message();
        return child ? std::move(*child) : nullptr;
    }

    ChildResult run(const ChildSpec& spec)
    {
        const std::unique_ptr<Child> child = start(spec);
        EXPECT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
        return result_.value_or(ChildResult{});
    }

    /// Waits until the program has printed that many lines.
    void wait_for_lines(std::size_t count)
    {
        ASSERT_TRUE(loop_.run_until([this, count] { return lines_.size() >= count; }));
    }

    static pid_t number(const std::string& text)
    {
        pid_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }

    /// Whether a process is gone or only waits for its parent to look.
    static bool dead(pid_t pid)
    {
        std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
        std::string text;
        std::getline(file, text);
        const std::size_t name_end = text.rfind(')');
        return name_end == std::string::npos || text[name_end + 2] == 'Z' ||
               text[name_end + 2] == 'X';
    }

    // tail -f ends by itself when its output is a pipe that has lost its reader; those that have to
    // be killed write to /dev/null.

    /// Runs the loop until the process is dead; its death is no event of the loop, so it is
    /// looked at every few milliseconds of the loop's own time.
    bool dies(pid_t pid)
    {
        Subscription tick;
        std::function<void()> again = [&] { tick = loop_.after(milliseconds{5}, again); };
        again();
        return loop_.run_until([pid] { return dead(pid); }, seconds{5});
    }

    test::PollLoop loop_;
    ProcessLauncher launcher_{loop_};
    std::vector<std::string> lines_;
    std::optional<ChildResult> result_;
};

TEST_F(ProcessLauncherTest, TellsExitStatusAndBothStreams)
{
    const ChildResult result = run(shell("echo to out; echo to err >&2; exit 75"));
    EXPECT_EQ(result.exit_status, 75);
    EXPECT_FALSE(result.signal);
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(result.out.text, "to out\n");
    EXPECT_EQ(result.err.text, "to err\n");
    EXPECT_THAT(lines_, ElementsAre("to out"));
    EXPECT_TRUE(loop_.run_until([this] { return launcher_.pending() == 0; }));
}

TEST_F(ProcessLauncherTest, TellsTheSignal)
{
    const ChildResult result = run(shell("kill -SEGV $$"));
    EXPECT_EQ(result.signal, SIGSEGV);
    EXPECT_FALSE(result.exit_status);
}

TEST_F(ProcessLauncherTest, GivesTheEnvironmentAndNothingElse)
{
    ChildSpec spec = shell("");
    spec.arguments = {"/usr/bin/env"};
    spec.environment = {"ONE=1", "TWO=a b"};
    EXPECT_EQ(run(spec).out.text, "ONE=1\nTWO=a b\n");
}

TEST_F(ProcessLauncherTest, OpensOnlyTheStandardStreams)
{
    const UniqueFd low{::dup(0)}; // without close-on-exec
    const UniqueFd high{::fcntl(0, F_DUPFD, 200)};
    const ChildResult result = run(shell("ls /proc/$$/fd; :"));
    EXPECT_EQ(result.out.text, "0\n1\n2\n");
}

TEST_F(ProcessLauncherTest, LeadsItsOwnSessionWithDefaultSignals)
{
    // The shell itself reads: it blocks signals for a moment while it starts another program.
    ChildSpec spec =
        shell("read -r pid name state parent group session rest </proc/$$/stat; "
              "echo $pid $session $group; "
              "while read -r key value; do case $key in SigBlk: | SigIgn:) echo $key $value; esac; "
              "done </proc/$$/status; umask; pwd");
    spec.directory = "/proc";
    const std::unique_ptr<Child> child = start(spec);
    const std::string pid = std::to_string(child->pid());
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_THAT(result_->out.text, HasSubstr(pid + " " + pid + " " + pid));
    EXPECT_THAT(result_->out.text, HasSubstr("SigBlk: 0000000000000000"));
    EXPECT_THAT(result_->out.text, HasSubstr("SigIgn: 0000000000000000"));
    EXPECT_THAT(result_->out.text, HasSubstr("0022\n/proc\n"));
}

TEST_F(ProcessLauncherTest, TakesAnIdentity)
{
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    ChildSpec spec = shell("id -u; id -g; id -G; awk '/^Uid/{print $3 $4 $5}' /proc/$$/status");
    const Result<Identity> nobody = find_user("nobody");
    ASSERT_TRUE(nobody) << nobody.error().message();
    spec.identity = *nobody;
    EXPECT_EQ(run(spec).out.text, "65534\n65534\n65534\n655346553465534\n");
}

TEST_F(ProcessLauncherTest, UnknownUserIsNotFound)
{
    const Result<Identity> user = find_user("no-such-user");
    ASSERT_FALSE(user);
    EXPECT_EQ(user.error().kind(), ErrorKind::not_found);
}

TEST_F(ProcessLauncherTest, WhatCannotBeStartedIsAnErrorAtOnce)
{
    const std::filesystem::path plain =
        std::filesystem::temp_directory_path() / ("frostline-plain-" + std::to_string(::getpid()));
    const auto failure = [this](const std::string& program, const std::string& directory) {
        ChildSpec spec;
        spec.arguments = {program};
        spec.directory = directory;
        const Result<std::unique_ptr<Child>> child = launcher_.launch(spec, {});
        return child ? std::string{"started"} : child.error().message();
    };
    EXPECT_THAT(failure("/no/such", "/"), StartsWith("/no/such: cannot run: No such file"));
    EXPECT_THAT(failure("/bin/true", "/no/dir"),
                StartsWith("/bin/true: cannot run: cannot enter /no/dir: No such file"));
    EXPECT_THAT(failure("true", "/"), HasSubstr("absolute path"));
    std::ofstream{plain} << "echo no first line\n";
    EXPECT_THAT(failure(plain, "/"), HasSubstr("cannot run: Permission denied (is it executable"));
    ::chmod(plain.c_str(), 0755);
    EXPECT_THAT(failure(plain, "/"), HasSubstr("Exec format error (a script needs a first line"));
    std::filesystem::remove(plain);
    EXPECT_EQ(launcher_.pending(), 0U);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a failed start left a zombie";
}

TEST_F(ProcessLauncherTest, KeepsBeginningAndEndOfAMebibyte)
{
    const ChildResult result =
        run(shell("echo first; head -c 1048576 /dev/zero | tr '\\0' x; echo; echo last; "
                  "echo reason >&2"));
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_EQ(result.out.text.size(), 65536U);
    EXPECT_THAT(result.out.text, StartsWith("first\nxxx"));
    EXPECT_EQ(result.out.tail.size(), 4096U);
    EXPECT_TRUE(result.out.tail.ends_with("x\nlast\n"));
    EXPECT_EQ(result.out.dropped, 6U + 1048576U + 1U + 5U - 65536U);
    EXPECT_EQ(result.err.text, "reason\n");
    ASSERT_EQ(lines_.size(), 3U);
    EXPECT_EQ(lines_[1].size(), 4096U);
    EXPECT_EQ(lines_[2], "last");
}

TEST_F(ProcessLauncherTest, PrintingWithoutEndIsEndedByTheLimit)
{
    ChildSpec spec = shell("exec yes");
    spec.limit = milliseconds{300};
    const ChildResult result = run(spec);
    EXPECT_TRUE(result.timed_out);
    EXPECT_EQ(result.signal, SIGTERM);
    EXPECT_EQ(result.out.text.size(), 65536U);
    EXPECT_GT(result.out.dropped, 0U);
}

TEST_F(ProcessLauncherTest, LimitEndsOneThatHangs)
{
    ChildSpec spec = shell("exec tail -f /dev/null");
    spec.limit = milliseconds{100};
    const ChildResult result = run(spec);
    EXPECT_TRUE(result.timed_out);
    EXPECT_EQ(result.signal, SIGTERM);
    EXPECT_GE(result.duration, milliseconds{100});
    EXPECT_LT(result.duration, seconds{2});
}

TEST_F(ProcessLauncherTest, TermMayBeUsedToEndInOrder)
{
    ChildSpec spec = shell("trap 'echo undone; exit 3' TERM; echo up; "
                           "while :; do read x < /dev/zero; done & wait");
    const std::unique_ptr<Child> child = start(spec);
    wait_for_lines(1);
    child->terminate();
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_TRUE(result_->timed_out);
    EXPECT_EQ(result_->exit_status, 3);
    EXPECT_EQ(result_->out.text, "up\nundone\n");
}

TEST_F(ProcessLauncherTest, OneThatIgnoresTermIsKilled)
{
    ChildSpec spec = shell("trap '' TERM; tail -f /dev/null >/dev/null & echo $!; wait");
    const std::unique_ptr<Child> child = start(spec);
    wait_for_lines(1);
    child->terminate();
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_TRUE(result_->timed_out);
    EXPECT_EQ(result_->signal, SIGKILL);
    EXPECT_TRUE(dies(number(lines_[0]))) << "its child, which ignored TERM too, lives";
}

TEST_F(ProcessLauncherTest, NothingItStartedOutlivesTheLimit)
{
    // One in its group, one in a session of its own whose parent has gone, all ignoring TERM,
    // while the leader itself ends at once on TERM.
    ChildSpec spec =
        shell("trap 'exit 0' TERM; (trap '' TERM; exec tail -f /dev/null >/dev/null) & echo $!; "
              "(setsid sh -c 'trap \"\" TERM; echo $$; tail -f /dev/null >/dev/null' &) ; "
              "while :; do wait; done");
    const std::unique_ptr<Child> child = start(spec);
    wait_for_lines(2);
    child->terminate();
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_EQ(result_->exit_status, 0);
    EXPECT_TRUE(dies(number(lines_[0]))) << "a member of its group lives";
    EXPECT_TRUE(dies(number(lines_[1]))) << "one in a session of its own lives";
    EXPECT_TRUE(loop_.run_until([this] { return launcher_.pending() == 0; }));
}

TEST_F(ProcessLauncherTest, WhatItLeavesBehindLivesUnlessToldOtherwise)
{
    const std::string leave = "setsid tail -f /dev/null >/dev/null 2>&1 & echo $!";
    ASSERT_EQ(run(shell(leave)).exit_status, 0);
    const pid_t left = number(lines_.at(0));
    EXPECT_FALSE(dead(left)) << "a daemon that a hook has started is none of our business";
    ::kill(left, SIGKILL);

    result_.reset();
    ChildSpec strict = shell(leave);
    strict.kill_leftovers = true;
    ASSERT_EQ(run(strict).exit_status, 0);
    EXPECT_TRUE(dies(number(lines_.at(1))));
}

TEST_F(ProcessLauncherTest, GrandchildrenThatKeepThePipesDoNotDelayTheNews)
{
    const auto before = loop_.now();
    const ChildResult result = run(shell("tail -f /dev/null & echo $!; exit 4"));
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_LT(loop_.now() - before, seconds{2});
    ::kill(number(lines_.at(0)), SIGKILL);
}

TEST_F(ProcessLauncherTest, ClosedOutputIsNoExit)
{
    ChildSpec spec = shell("exec >&- 2>&-; read answer; exit 9");
    spec.stdin_pipe = true;
    const std::unique_ptr<Child> child = start(spec);
    child->write("go\n");
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_EQ(result_->exit_status, 9);
}

TEST_F(ProcessLauncherTest, WritesToItsInputAndClosesIt)
{
    ChildSpec spec = shell("echo READY; cat | wc -c");
    spec.stdin_pipe = true;
    const std::unique_ptr<Child> child = start(spec);
    wait_for_lines(1);
    child->write(std::string(300'000, 'x')); // more than a pipe holds
    child->write("thaw\n");
    child->close_stdin();
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_EQ(result_->out.text, "READY\n300005\n");
}

TEST_F(ProcessLauncherTest, AReaderThatIsGoneIsNoError)
{
    ChildSpec spec = shell("exec 0<&-; echo closed; tail -f /dev/null");
    spec.stdin_pipe = true;
    const std::unique_ptr<Child> child = start(spec);
    wait_for_lines(1);
    child->write("thaw\n"); // SIGPIPE would end this test
    child->terminate();
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
}

TEST_F(ProcessLauncherTest, WithoutAPipeItsInputIsEmpty)
{
    EXPECT_EQ(run(shell("cat; echo end")).out.text, "end\n");
}

TEST_F(ProcessLauncherTest, DestroyingItKillsEverythingAtOnce)
{
    std::unique_ptr<Child> child =
        start(shell("trap '' TERM; (setsid tail -f /dev/null >/dev/null & echo $!); tail -f "
                    "/dev/null >/dev/null & echo $!; wait"));
    wait_for_lines(2);
    const pid_t leader = child->pid();
    child.reset();
    EXPECT_TRUE(dies(leader));
    EXPECT_TRUE(dies(number(lines_[0])));
    EXPECT_TRUE(dies(number(lines_[1])));
    EXPECT_TRUE(loop_.run_until([this] { return launcher_.pending() == 0; })) << "not waited for";
    EXPECT_FALSE(result_) << "an event came after its Child had gone";
}

TEST_F(ProcessLauncherTest, OtherChildrenAreLeftToTheirParents)
{
    const pid_t other = ::fork();
    if (other == 0) {
        ::_exit(42);
    }
    EXPECT_EQ(run(shell("exit 1")).exit_status, 1);
    int status = 0;
    ASSERT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(ProcessLauncherTest, TheLimitCanBeMovedAndLifted)
{
    ChildSpec spec = shell("echo READY; read line; exit 0");
    spec.stdin_pipe = true;
    spec.limit = milliseconds{400};
    const std::unique_ptr<Child> child = start(spec);
    wait_for_lines(1);
    child->set_limit(milliseconds{0});
    EXPECT_FALSE(loop_.run_until([this] { return result_.has_value(); }, milliseconds{600}));
    child->set_limit(milliseconds{50});
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_TRUE(result_->timed_out);
}

} // namespace
} // namespace frostline::system
