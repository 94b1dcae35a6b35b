// SPDX-License-Identifier: Apache-2.0
#include "system/launched_programs.hpp"

#include "support/fake_loop.hpp"
#include "support/prompt_workers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::system {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Starts nothing: the test tells what becomes of each program.
class FakePrograms : public ChildLauncher {
public:
    struct Started {
        ChildSpec spec;
        ChildEvents events;
        std::string input;
        bool input_closed = false;
        bool child_gone = false;

        void exit(int status, std::string out = {}, std::string err = {})
        {
            ChildResult result;
            result.exit_status = status;
            if (spec.output_budget) {
                *spec.output_budget -= out.size() + err.size();
            }
            result.out.text = std::move(out);
            result.err.text = std::move(err);
            events.on_exit(std::move(result));
        }
    };

    [[nodiscard]] Result<std::unique_ptr<Child>> launch(ChildSpec spec, ChildEvents events) override
    {
        if (fails_with != 0) {
            return fail_errno("cannot run", fails_with);
        }
        all.push_back(std::make_shared<Started>());
        all.back()->spec = std::move(spec);
        all.back()->events = std::move(events);
        return std::unique_ptr<Child>{std::make_unique<Handle>(all.back(), next_pid++)};
    }
    void launch_on(Workers& /*workers*/, ChildSpec spec, ChildEvents events, Launched done) override
    {
        done(launch(std::move(spec), std::move(events)));
    }

    std::vector<std::shared_ptr<Started>> all;
    pid_t next_pid = 100;
    int fails_with = 0;

private:
    class Handle : public Child {
    public:
        Handle(std::shared_ptr<Started> started, pid_t pid)
            : started_(std::move(started)), pid_(pid)
        {}
        Handle(const Handle&) = delete;
        Handle& operator=(const Handle&) = delete;
        ~Handle() override { started_->child_gone = true; }
        [[nodiscard]] pid_t pid() const override { return pid_; }
        void write(std::string text) override { started_->input += text; }
        void close_stdin() override { started_->input_closed = true; }
        void terminate() override {}
        void set_limit(std::chrono::milliseconds /*limit*/) override {}

    private:
        std::shared_ptr<Started> started_;
        pid_t pid_;
    };
};

class LaunchedProgramsTest : public testing::Test {
protected:
    LaunchedProgramsTest()
    {
        settings_.environment = {"PATH=/agent/bin", "HOME=/"};
        settings_.reply_room = 1000;
        settings_.most_running = 4;
        settings_.most_ended = 3;
        settings_.output_budget = 4000;
        settings_.input_budget = 100;
        make();
    }
    void make() { programs_ = std::make_unique<LaunchedPrograms>(launcher_, workers_, settings_); }
    /// The process id; what went wrong is in said_.
    std::int64_t start(ProgramRequest request)
    {
        std::int64_t pid = -1;
        programs_->start(std::move(request), [&](const Result<std::int64_t>& started) {
            pid = started.value_or(-1);
            said_ = started ? "" : started.error().message();
        });
        return pid;
    }
    std::int64_t start_tool() { return start({.path = "tool"}); }
    FakePrograms::Started& last() { return *launcher_.all.back(); }
    std::string unknown(std::int64_t pid)
    {
        const Result<ProgramState> state = programs_->state(pid);
        return state ? "known" : state.error().message();
    }

    test::FakeLoop loop_;
    test::PromptWorkers workers_{loop_};
    FakePrograms launcher_;
    LaunchedProgramsSettings settings_;
    std::unique_ptr<LaunchedPrograms> programs_;
    std::string said_;
};

TEST_F(LaunchedProgramsTest, TheEndIsToldOnceAndThenForgotten)
{
    const std::int64_t pid = start_tool();
    EXPECT_FALSE(programs_->state(pid)->ended);
    EXPECT_FALSE(programs_->state(pid)->exit_status);
    last().exit(3, "out", "err");
    EXPECT_TRUE(last().child_gone);
    const Result<ProgramState> state = programs_->state(pid);
    EXPECT_TRUE(state->ended);
    EXPECT_EQ(state->exit_status, 3);
    EXPECT_EQ(state->output, "out");
    EXPECT_EQ(state->error, "err");
    EXPECT_EQ(unknown(pid), "PID 100 does not exist");
    EXPECT_EQ(unknown(-7), "PID -7 does not exist");
}

TEST_F(LaunchedProgramsTest, WhatIsNotGivenComesFromTheAgent)
{
    start({.path = "tool", .arguments = {"a", "b"}});
    EXPECT_THAT(last().spec.arguments, ElementsAre("tool", "a", "b"));
    EXPECT_THAT(last().spec.environment, ElementsAre("PATH=/agent/bin", "HOME=/"));
    EXPECT_EQ(last().spec.search_path, "/agent/bin");
    EXPECT_EQ(last().spec.directory, "");
    EXPECT_FALSE(last().spec.umask);
    EXPECT_FALSE(last().spec.stdin_pipe);
    EXPECT_TRUE(last().spec.outlives_us);
    EXPECT_EQ(last().spec.limit.count(), 0);
    start({.path = "tool", .environment = {{"X=1", "PATH=/given"}}});
    EXPECT_THAT(last().spec.environment, ElementsAre("X=1", "PATH=/given"));
    EXPECT_EQ(last().spec.search_path, "/given");
    start({.path = "tool", .environment = std::vector<std::string>{}});
    EXPECT_TRUE(last().spec.environment.empty());
    EXPECT_EQ(last().spec.search_path, "/agent/bin");
}

TEST_F(LaunchedProgramsTest, StreamsGoWhereTheyAreWanted)
{
    using Wanted = std::pair<StreamTo, StreamTo>;
    const auto streams = [this](Capture capture) {
        start({.path = "tool", .capture = capture});
        const Wanted got{last().spec.standard_output, last().spec.standard_error};
        last().exit(0);
        return got;
    };
    EXPECT_EQ(streams(Capture::none), Wanted(StreamTo::nobody, StreamTo::nobody));
    EXPECT_EQ(streams(Capture::output), Wanted(StreamTo::reader, StreamTo::nobody));
    EXPECT_EQ(streams(Capture::error), Wanted(StreamTo::nobody, StreamTo::reader));
    EXPECT_EQ(streams(Capture::separated), Wanted(StreamTo::reader, StreamTo::reader));
    EXPECT_EQ(streams(Capture::merged), Wanted(StreamTo::reader, StreamTo::output));
}

TEST_F(LaunchedProgramsTest, InputIsGivenAndEnds)
{
    start({.path = "tool", .input = "some"});
    EXPECT_TRUE(last().spec.stdin_pipe);
    EXPECT_EQ(last().input, "some");
    EXPECT_TRUE(last().input_closed);
}

TEST_F(LaunchedProgramsTest, FailuresAreWordedAsInGlib)
{
    launcher_.fails_with = ENOENT;
    start({.path = "tool", .input = std::string(90, 'x')});
    EXPECT_EQ(said_,
              "Failed to execute child process \u201Ctool\u201D (No such file or directory)");
    launcher_.fails_with = 0;
    EXPECT_GT(start({.path = "tool", .input = std::string(90, 'x')}), 0)
        << "a failed start holds nothing";
    start({.path = std::string{"a\0b", 3}});
    EXPECT_THAT(said_, HasSubstr("(Invalid argument)"));
    start({.path = "tool", .arguments = {std::string(1, '\0')}});
    EXPECT_THAT(said_, HasSubstr("(Invalid argument)"));
}

TEST_F(LaunchedProgramsTest, TheOldestThatNobodyAsksAboutAreForgotten)
{
    std::vector<std::int64_t> pids;
    for (int i = 0; i < 5; ++i) {
        pids.push_back(start_tool());
        last().exit(i);
    }
    EXPECT_THAT(unknown(pids[1]), HasSubstr("does not exist"));
    EXPECT_EQ(programs_->state(pids[2])->exit_status, 2);
    EXPECT_EQ(programs_->state(pids[4])->exit_status, 4);
}

TEST_F(LaunchedProgramsTest, WhatRunsIsNeverForgottenButBounded)
{
    for (int i = 0; i < 4; ++i) {
        EXPECT_GT(start_tool(), 0);
    }
    EXPECT_EQ(start_tool(), -1);
    EXPECT_THAT(said_, HasSubstr("4 programs of guest-exec are running"));
    launcher_.all.front()->exit(0);
    EXPECT_GT(start_tool(), 0);
}

TEST_F(LaunchedProgramsTest, OutputThatNobodyAsksForMakesRoom)
{
    const std::int64_t first = start_tool();
    last().exit(0, std::string(1000, 'a'), std::string(1000, 'b'));
    const std::int64_t second = start_tool();
    last().exit(0, std::string(500, 'c'));
    start_tool();
    EXPECT_THAT(unknown(first), HasSubstr("does not exist"));
    EXPECT_EQ(programs_->state(second)->output, std::string(500, 'c'));
    EXPECT_EQ(*last().spec.output_budget, 4000U);
}

TEST_F(LaunchedProgramsTest, InputThatWaitsIsBounded)
{
    start({.path = "tool", .input = std::string(200, 'x')}); // one may be larger
    start({.path = "tool", .input = "x"});
    EXPECT_THAT(said_, HasSubstr("200 bytes of input"));
    launcher_.all.front()->exit(0);
    EXPECT_GT(start({.path = "tool", .input = "x"}), 0);
}

TEST_F(LaunchedProgramsTest, ANumberThatComesBackIsTheNewProcess)
{
    const std::int64_t old = start_tool();
    last().exit(1, "old");
    launcher_.next_pid = static_cast<pid_t>(old);
    ASSERT_EQ(start_tool(), old);
    EXPECT_FALSE(programs_->state(old)->ended);
    for (int i = 0; i < 4; ++i) { // the old one's turn to be forgotten comes
        start_tool();
        last().exit(0);
    }
    EXPECT_FALSE(programs_->state(old)->ended) << "forgotten with its predecessor";
}

TEST_F(LaunchedProgramsTest, BothStreamsTogetherFitIntoAReply)
{
    const auto cut = [this](std::size_t out, std::size_t err) {
        settings_.output_budget = 1 << 20;
        make();
        const std::int64_t pid = start_tool();
        last().exit(0, std::string(out, 'o'), std::string(err, 'e'));
        const ProgramState state = *programs_->state(pid);
        return std::vector<std::size_t>{state.output.size(), state.error.size(),
                                        std::size_t{state.output_cut},
                                        std::size_t{state.error_cut}};
    };
    EXPECT_THAT(cut(600, 400), ElementsAre(600, 400, 0, 0));
    EXPECT_THAT(cut(900, 900), ElementsAre(500, 500, 1, 1));
    EXPECT_THAT(cut(100, 1000), ElementsAre(100, 900, 0, 1));
    EXPECT_THAT(cut(1000, 1), ElementsAre(999, 1, 1, 0));
    EXPECT_THAT(cut(501, 500), ElementsAre(500, 500, 1, 0));
}

TEST_F(LaunchedProgramsTest, ProgramsOutliveIt)
{
    start_tool();
    programs_.reset();
    last().exit(0); // comes to nobody, and harms nobody
}

TEST(EnvironmentForPrograms, LeavesOutWhatIsMeantForTheAgent)
{
    ::setenv("NOTIFY_SOCKET", "/run/x", 1);
    ::setenv("FROSTLINE_TEST", "1", 1);
    const std::vector<std::string> environment = environment_for_programs();
    EXPECT_THAT(environment, Contains("FROSTLINE_TEST=1"));
    EXPECT_THAT(environment, Not(Contains("NOTIFY_SOCKET=/run/x")));
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("FROSTLINE_TEST");
}

} // namespace
} // namespace frostline::system
