// SPDX-License-Identifier: Apache-2.0
// What the launcher does for programs that clients name, with real processes.
#include "system/process_launcher.hpp"

#include "support/poll_loop.hpp"
#include "support/temp_folder.hpp"
#include "system/descriptor_limit.hpp"
#include "system/thread_workers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <filesystem>
#include <thread>

namespace frostline::system {
namespace {

using std::chrono::milliseconds;
using testing::StartsWith;

class ClientProgram : public testing::Test {
protected:
    static ChildSpec program(std::vector<std::string> arguments)
    {
        ChildSpec spec;
        spec.arguments = std::move(arguments);
        spec.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
        spec.search_path = "/usr/bin:/bin";
        spec.directory.clear();
        spec.umask.reset();
        spec.outlives_us = true;
        return spec;
    }
    static ChildSpec shell(const std::string& script) { return program({"sh", "-c", script}); }

    /// Its Child; empty with the reason in said_.
    std::unique_ptr<Child> start(ChildSpec spec)
    {
        std::unique_ptr<Child> child;
        bool answered = false;
        result_.reset();
        launcher_->launch_on(workers_, std::move(spec),
                             {[this](std::string_view line) { lines_.emplace_back(line); },
                              [this](ChildResult result) { result_ = std::move(result); }},
                             [&](Result<std::unique_ptr<Child>> started) {
                                 answered = true;
                                 said_ = started ? "" : started.error().message();
                                 child = started ? std::move(*started) : nullptr;
                             });
        EXPECT_FALSE(answered) << "answered from within the call";
        EXPECT_TRUE(loop_.run_until([&] { return answered; }));
        return child;
    }
    ChildResult run(ChildSpec spec)
    {
        const std::unique_ptr<Child> child = start(std::move(spec));
        EXPECT_TRUE(child) << said_;
        EXPECT_TRUE(!child || loop_.run_until([this] { return result_.has_value(); }));
        return result_.value_or(ChildResult{});
    }
    std::string output(ChildSpec spec) { return run(std::move(spec)).out.text; }
    void wait_for_lines(std::size_t count)
    {
        ASSERT_TRUE(loop_.run_until([this, count] { return lines_.size() >= count; }));
    }
    [[nodiscard]] pid_t number(std::size_t line) const
    {
        pid_t value = 0;
        std::from_chars(lines_[line].data(), lines_[line].data() + lines_[line].size(), value);
        return value;
    }
    /// Runs the loop for a moment, and tells whether the process is still there.
    bool lives(pid_t pid)
    {
        loop_.run_until([] { return false; }, milliseconds{50});
        return ::kill(pid, 0) == 0;
    }

    test::TempFolder folder_;
    test::PollLoop loop_;
    ThreadWorkers workers_{loop_};
    std::unique_ptr<ProcessLauncher> launcher_ = std::make_unique<ProcessLauncher>(loop_);
    std::vector<std::string> lines_;
    std::optional<ChildResult> result_;
    std::string said_;
};

TEST_F(ClientProgram, MergedOutputKeepsItsOrder)
{
    ChildSpec spec = shell("for i in 1 2 3; do echo out$i; echo err$i >&2; done");
    spec.standard_error = StreamTo::output;
    const ChildResult result = run(std::move(spec));
    EXPECT_EQ(result.out.text, "out1\nerr1\nout2\nerr2\nout3\nerr3\n");
    EXPECT_EQ(result.err.text, "");
}

TEST_F(ClientProgram, WhatNobodyWantsGoesNowhere)
{
    ChildSpec spec = shell("[ /proc/$$/fd/1 -ef /dev/null ] && echo null >&2");
    spec.standard_output = StreamTo::nobody;
    EXPECT_EQ(run(std::move(spec)).err.text, "null\n");
    spec = shell("[ /proc/$$/fd/2 -ef /dev/null ] && [ /proc/$$/fd/0 -ef /dev/null ] && echo null");
    spec.standard_error = StreamTo::nobody;
    EXPECT_EQ(output(std::move(spec)), "null\n");
    spec = shell("exit 5");
    spec.standard_output = StreamTo::nobody;
    spec.standard_error = StreamTo::nobody;
    EXPECT_EQ(run(std::move(spec)).exit_status, 5);
}

TEST_F(ClientProgram, TheNameIsTheFirstArgument)
{
    EXPECT_EQ(output(program({"sh", "-c", "echo $0"})), "sh\n");
    EXPECT_THAT(output(program({"cat", "/proc/self/cmdline"})),
                StartsWith(std::string{"cat\0", 4}));
    EXPECT_FALSE(start(program({"no-such-program"})));
    EXPECT_THAT(said_, StartsWith("no-such-program: cannot run: No such file or directory"));
}

TEST_F(ClientProgram, AScriptWithoutAFirstLineIsTheShells)
{
    const std::string script = folder_.program("script", "echo $0 $1\n");
    EXPECT_EQ(output(program({script, "one"})), script + " one\n");
}

TEST_F(ClientProgram, KeepsTheAgentsFolderAndUmask)
{
    const mode_t before = ::umask(027);
    const std::string got = output(shell("umask; pwd"));
    ::umask(before);
    EXPECT_EQ(got, "0027\n" + std::filesystem::current_path().string() + "\n");
}

TEST_F(ClientProgram, InputOfTensOfMebibytesBlocksNobody)
{
    ChildSpec spec = shell("read line; echo $line; cat | wc -c");
    spec.stdin_pipe = true;
    const std::unique_ptr<Child> child = start(std::move(spec));
    ASSERT_TRUE(child);
    child->write("first\n" + std::string(std::size_t{32} << 20U, 'x'));
    child->close_stdin();
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_EQ(result_->out.text, "first\n33554432\n");
}

TEST_F(ClientProgram, ItLivesOnWithoutItsChildAndWithoutTheLauncher)
{
    std::unique_ptr<Child> child = start(shell("echo up; exec tail -f /dev/null 2>/dev/null"));
    wait_for_lines(1);
    const pid_t pid = child->pid();
    child.reset();
    EXPECT_TRUE(lives(pid));
    launcher_.reset();
    EXPECT_TRUE(lives(pid));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

TEST_F(ClientProgram, ADaemonThatKeepsTheOutputCanGoOnWriting)
{
    ChildSpec spec = shell("");
    spec.arguments = {
        "sh", "-c",
        "sh -c 'echo $$; read x <\"$0\"; head -c 300000 /dev/zero; echo >\"$0.done\"' "
        "\"$0\" &",
        folder_ / "fifo"};
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    spec.output_grace = milliseconds{50};
    const std::unique_ptr<Child> child = start(std::move(spec));
    ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
    EXPECT_EQ(result_->exit_status, 0);
    wait_for_lines(1);
    const UniqueFd go{::open((folder_ / "fifo").c_str(), O_RDWR | O_CLOEXEC)};
    ASSERT_EQ(::write(go.get(), "go\n", 3), 3);
    EXPECT_TRUE(loop_.run_until([this] { return folder_.exists("fifo.done"); }))
        << "its output went into a pipe that nobody reads";
    EXPECT_TRUE(loop_.run_until([this] { return launcher_->pending() == 0; }));
    EXPECT_LT(result_->out.text.size(), 100U) << "kept what came after the news of its end";
}

TEST_F(ClientProgram, TheBudgetIsShared)
{
    const auto budget = std::make_shared<std::size_t>(1000);
    ChildSpec spec = shell("head -c 700 /dev/zero; head -c 700 /dev/zero >&2");
    spec.output_budget = budget;
    const ChildResult result = run(std::move(spec));
    EXPECT_EQ(result.out.text.size() + result.err.text.size(), 1000U);
    EXPECT_EQ(result.out.dropped + result.err.dropped, 400U);
    EXPECT_EQ(*budget, 0U);
}

TEST_F(ClientProgram, WhatTheRulesHaveSeenIsWhatRuns)
{
    const auto everything = std::make_shared<const PathRules>(std::vector<std::string>{"/**"});
    const std::string script =
        folder_.program("script", "#!/bin/sh\necho $0 $1; set -- /proc/$$/fd/*; echo $#\n");
    ChildSpec spec = program({script, "one"});
    spec.allowed = everything;
    EXPECT_THAT(output(std::move(spec)), testing::MatchesRegex("/dev/fd/[0-9]+ one\n6\n"))
        << "0 1 2, the script as named and as the shell has opened it, the folder it reads";
    const std::string plain = folder_.program("plain", "echo plain $1\n");
    spec = program({plain, "one"});
    spec.allowed = everything;
    EXPECT_EQ(output(std::move(spec)), "plain one\n");
    std::filesystem::copy_file("/bin/ls", folder_ / "binary");
    spec = program({folder_ / "binary", "/proc/self/fd"});
    spec.allowed = everything;
    EXPECT_EQ(output(std::move(spec)), "0\n1\n2\n3\n") << "3 is the folder that ls reads";
    spec = shell("echo by path");
    spec.allowed = everything;
    EXPECT_EQ(output(std::move(spec)), "by path\n");
}

TEST_F(ClientProgram, ALinkThatChangesAllTheTimeRunsNothingElse)
{
    const std::string good = folder_.program("good/tool", "#!/bin/sh\necho good\n");
    const std::string bad = folder_.program("bad/tool", "#!/bin/sh\necho bad\n");
    const auto rules =
        std::make_shared<const PathRules>(std::vector<std::string>{folder_.real() + "/good/*"});
    const std::string name = folder_ / "link";
    std::atomic<bool> stop{false};
    std::thread attacker{[&] {
        const std::string fresh = name + ".new";
        for (bool turn = false; !stop; turn = !turn) {
            ::unlink(fresh.c_str());
            if (::symlink((turn ? good : bad).c_str(), fresh.c_str()) == 0) {
                ::rename(fresh.c_str(), name.c_str());
            }
        }
    }};
    int ran = 0;
    for (int i = 0; i < 2000 && (i < 150 || ran == 0); ++i) {
        ChildSpec spec = program({name});
        spec.allowed = rules;
        if (const std::unique_ptr<Child> child = start(std::move(spec))) {
            ASSERT_TRUE(loop_.run_until([this] { return result_.has_value(); }));
            EXPECT_EQ(result_->out.text, "good\n");
            ++ran;
        }
    }
    stop = true;
    attacker.join();
    EXPECT_GT(ran, 0);
}

TEST_F(ClientProgram, HasTheLimitOfDescriptorsThatTheAgentWasStartedWith)
{
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit low = before;
    low.rlim_cur = 256;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(raise_descriptor_limit(512), 512U);
    EXPECT_EQ(output(shell("ulimit -Sn")), "256\n");
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(raise_descriptor_limit(300), before.rlim_cur) << "it is never lowered";
}

TEST_F(ClientProgram, AnIgnoredSigchldCostsNoExitStatus)
{
    launcher_.reset();
    ::signal(SIGCHLD, SIG_IGN); // NOLINT: as a careless parent leaves it to the agent
    launcher_ = std::make_unique<ProcessLauncher>(loop_);
    EXPECT_EQ(run(shell("exit 7")).exit_status, 7);
}

} // namespace
} // namespace frostline::system
