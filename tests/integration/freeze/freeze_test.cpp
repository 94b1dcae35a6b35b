// SPDX-License-Identifier: Apache-2.0
// The freeze engine and its guard on real file systems. Needs root; skipped without.
// Called as `--agent RUN_DIRECTORY DEADLINE_MS MOUNT...` the same program is an agent that freezes
// and says so on its standard output, for the tests that kill or stop one.
#include "freeze/freeze_session.hpp"
#include "freeze/process_guard.hpp"
#include "loop_mounts.hpp"
#include "system/glib_loop.hpp"
#include "system/linux_fs_control.hpp"
#include "system/linux_mount_table.hpp"
#include "system/sysfs_block_layers.hpp"
#include "system/thread_workers.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace frostline::freeze {
namespace {

using namespace std::chrono_literals;

std::string run_directory; ///< on tmpfs; empty: skip
std::string guard_program;

class NoHooks : public hooks::Quiescer {
public:
    void prepare(hooks::QuiesceRequest, Prepared) override {}
    void recover(std::string, std::vector<hooks::OwedHook>, Prepared) override {}
    void list(bool, std::function<void(Result<std::vector<hooks::HookListing>>)>) override {}
};

/// Everything real but the hooks.
class Agent {
public:
    explicit Agent(const std::string& directory)
        : loop(*system::GlibLoop::create()), workers(*loop), guards(*loop, workers, guard_program),
          store(directory),
          session({*loop, workers, table, layers, control, quiescer, guards, store}, {})
    {}

    Result<Frozen> freeze(std::vector<std::string> mount_points,
                          std::chrono::milliseconds deadline = 20s)
    {
        Request request;
        request.mount_points = std::move(mount_points);
        request.deadline = deadline;
        request.hooks = false;
        std::optional<Result<Frozen>> answer;
        session.freeze(std::move(request), [&](Result<Frozen> result) {
            answer.emplace(std::move(result));
            loop->quit();
        });
        loop->run();
        return *answer;
    }
    Result<Thawed> thaw()
    {
        std::optional<Result<Thawed>> answer;
        session.thaw(std::nullopt, ThawWait::hooks, [&](Result<Thawed> result) {
            answer.emplace(std::move(result));
            loop->quit();
        });
        loop->run();
        return *answer;
    }
    void recover()
    {
        session.recover([this] { loop->quit(); });
        loop->run();
    }

    std::unique_ptr<system::GlibLoop> loop;
    system::ThreadWorkers workers;
    system::LinuxMountTable table;
    system::SysfsBlockLayers layers;
    system::LinuxFsControl control;
    NoHooks quiescer;
    ProcessGuardStarter guards;
    FileRunState store;
    FreezeSession session;
};

/// An agent in a process of its own, which has frozen `mount_point` when the constructor returns.
class AgentProcess {
public:
    AgentProcess(const test::LoopMount& mount, const std::string& deadline_ms);
    AgentProcess(const AgentProcess&) = delete;
    AgentProcess& operator=(const AgentProcess&) = delete;
    ~AgentProcess()
    {
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    void signal(int number) const { ::kill(pid_, number); }
    [[nodiscard]] bool frozen() const { return frozen_; }
    [[nodiscard]] pid_t guard() const
    {
        pid_t guard = 0;
        std::ifstream{"/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) +
                      "/children"} >>
            guard;
        return guard;
    }

private:
    pid_t pid_ = -1;
    bool frozen_ = false;
};

AgentProcess::AgentProcess(const test::LoopMount& mount, const std::string& deadline_ms)
{
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const UniqueFd reading{pipe[0]};
    UniqueFd writing{pipe[1]};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writing.get(), 1);
    std::vector<std::string> arguments{"/proc/self/exe", "--agent",   guard_program,
                                       run_directory,    deadline_ms, mount.path()};
    std::vector<char*> vector;
    for (std::string& argument : arguments) {
        vector.push_back(argument.data());
    }
    vector.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, vector[0], &actions, nullptr, vector.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    writing.reset();
    char answer = 0;
    frozen_ = ::read(reading.get(), &answer, 1) == 1 && answer == 'F';
}

int be_an_agent(char** arguments)
{
    guard_program = arguments[2];
    Agent agent{arguments[3]};
    const Result<Frozen> frozen =
        agent.freeze({arguments[5]}, std::chrono::milliseconds{std::stol(arguments[4])});
    std::cout << (frozen ? "F" : frozen.error().message()) << std::flush;
    agent.loop->run(); // until it is killed
    return 0;
}

class RealFreezeTest : public testing::Test {
protected:
    void SetUp() override
    {
        if (run_directory.empty()) {
            GTEST_SKIP() << "needs root, loop devices and a mount namespace of its own";
        }
    }
    std::unique_ptr<test::LoopMount> mount(const std::string& type, const std::string& folder = "")
    {
        const std::string place =
            (folder.empty() ? run_directory : folder) + "/" + type + "-" + std::to_string(++serial);
        auto made = std::make_unique<test::LoopMount>(type, place + ".img", place);
        EXPECT_TRUE(made->mounted()) << type;
        return made;
    }
    static int serial;
};

int RealFreezeTest::serial = 0;

using test::Writer;

class EachType : public RealFreezeTest, public testing::WithParamInterface<const char*> {};

TEST_P(EachType, AWriteBlocksWhileFrozenAndGoesThroughAfterTheThaw)
{
    const auto fs = mount(GetParam());
    Agent agent{run_directory};
    const Result<Frozen> frozen = agent.freeze({fs->path()});
    ASSERT_TRUE(frozen) << frozen.error().message();
    EXPECT_EQ((*frozen).count, 1);
    Writer writer{*fs};
    EXPECT_FALSE(writer.done_within(200ms));
    const Result<Thawed> thawed = agent.thaw();
    ASSERT_TRUE(thawed) << thawed.error().message();
    EXPECT_EQ((*thawed).count, 1);
    EXPECT_EQ((*thawed).report.outcome, Outcome::consistent);
    EXPECT_TRUE(writer.done_within(5s));
}

INSTANTIATE_TEST_SUITE_P(FileSystems, EachType, testing::Values("ext4", "xfs", "btrfs"));

TEST_F(RealFreezeTest, SeveralAtOnceAndLoopOnLoopInWaves)
{
    const auto outer = mount("ext4");
    const auto other = mount("xfs");
    auto inner = std::make_unique<test::LoopMount>("ext4", outer->path() + "/inner.img",
                                                   run_directory + "/inner");
    // The outer one is 64 MiB and the inner image sparse, so it fits.
    ASSERT_TRUE(inner->mounted());
    Agent agent{run_directory};
    const Result<Frozen> frozen = agent.freeze({outer->path(), other->path(), inner->path()});
    ASSERT_TRUE(frozen) << frozen.error().message();
    EXPECT_EQ((*frozen).count, 3);
    std::vector<std::string> order;
    for (const FsRecord& row : (*frozen).report.filesystems) {
        order.push_back(row.mount_point);
    }
    EXPECT_EQ(order.back(), outer->path()); // in a wave of its own, after the inner one
    const Result<Thawed> thawed = agent.thaw();
    ASSERT_TRUE(thawed) << thawed.error().message();
    EXPECT_EQ((*thawed).count, 3);
    inner.reset();
}

TEST_F(RealFreezeTest, ALoopsFileIsFoundAlsoWhenItsPathLeadsNowhere)
{
    const auto outer = mount("ext4");
    const std::string again = run_directory + "/again";
    auto inner = std::make_unique<test::LoopMount>("ext4", outer->path() + "/inner.img",
                                                   run_directory + "/nested");
    ASSERT_TRUE(inner->mounted());
    std::filesystem::create_directory(again);
    ASSERT_EQ(::mount(outer->path().c_str(), again.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::umount2(outer->path().c_str(), MNT_DETACH), 0);
    {
        Agent agent{run_directory};
        const Result<Frozen> frozen = agent.freeze({again, inner->path()});
        ASSERT_TRUE(frozen) << frozen.error().message();
        EXPECT_EQ((*frozen).report.filesystems.back().mount_point, again);
        EXPECT_TRUE(agent.thaw());
    }
    inner.reset();
    ::umount(again.c_str());
}

TEST_F(RealFreezeTest, AMountHiddenWhileFrozenIsThawedAllTheSame)
{
    const auto fs = mount("ext4");
    Agent agent{run_directory};
    ASSERT_TRUE(agent.freeze({fs->path()}));
    ASSERT_EQ(::mount("tmpfs", fs->path().c_str(), "tmpfs", 0, nullptr), 0);
    EXPECT_TRUE(agent.thaw());
    EXPECT_FALSE(fs->thaw());
    ::umount(fs->path().c_str());
}

TEST_F(RealFreezeTest, SomebodyElsesFreezeIsRefusedAndLeftAlone)
{
    const auto fs = mount("ext4");
    ASSERT_TRUE(fs->freeze());
    Agent agent{run_directory};
    const Result<Frozen> frozen = agent.freeze({fs->path()});
    ASSERT_FALSE(frozen);
    EXPECT_EQ(frozen.error().kind(), ErrorKind::busy);
    EXPECT_TRUE(agent.thaw());
    EXPECT_TRUE(fs->thaw());
}

TEST_F(RealFreezeTest, ThawedBySomebodyElseIsAnError)
{
    const auto fs = mount("ext4");
    Agent agent{run_directory};
    ASSERT_TRUE(agent.freeze({fs->path()}));
    ASSERT_TRUE(fs->thaw());
    const Result<Thawed> thawed = agent.thaw();
    ASSERT_FALSE(thawed);
    EXPECT_THAT(thawed.error().message(), testing::HasSubstr("fsfreeze is limited"));
}

TEST_F(RealFreezeTest, WithoutTheGuardProgramNothingIsFrozen)
{
    const auto fs = mount("ext4");
    const std::string real = std::exchange(guard_program, "/nonexistent/frostline-guard");
    Agent agent{run_directory};
    guard_program = real;
    const Result<Frozen> frozen = agent.freeze({fs->path()});
    ASSERT_FALSE(frozen);
    EXPECT_THAT(frozen.error().message(), testing::HasSubstr("/nonexistent/frostline-guard"));
    EXPECT_FALSE(fs->thaw());
}

TEST_F(RealFreezeTest, TheDeadlineThaws)
{
    const auto fs = mount("ext4");
    Agent agent{run_directory};
    ASSERT_TRUE(agent.freeze({fs->path()}, 300ms));
    Writer writer{*fs};
    EXPECT_TRUE(writer.done_within(2s)); // by the guard: this thread isn't in its loop
    const Result<Thawed> thawed = agent.thaw();
    ASSERT_FALSE(thawed);
    EXPECT_THAT(thawed.error().message(), testing::HasSubstr("fsfreeze is limited"));
}

TEST_F(RealFreezeTest, AStoppedAgentIsNoReasonToStayFrozen)
{
    const auto fs = mount("xfs");
    const AgentProcess agent{*fs, "500"};
    ASSERT_TRUE(agent.frozen());
    agent.signal(SIGSTOP);
    Writer writer{*fs};
    EXPECT_TRUE(writer.done_within(2s));
}

TEST_F(RealFreezeTest, AKilledAgentIsThawedAtOnceByItsGuard)
{
    const auto fs = mount("ext4");
    const AgentProcess agent{*fs, "20000"};
    ASSERT_TRUE(agent.frozen());
    Writer writer{*fs};
    EXPECT_FALSE(writer.done_within(200ms));
    agent.signal(SIGKILL);
    EXPECT_TRUE(writer.done_within(1s));
}

TEST_F(RealFreezeTest, AgentAndGuardKilledIsFinishedByTheNextStart)
{
    const auto fs = mount("ext4");
    {
        const AgentProcess agent{*fs, "20000"};
        ASSERT_TRUE(agent.frozen());
        const pid_t guard = agent.guard();
        ASSERT_GT(guard, 1);
        ::kill(guard, SIGKILL);
        agent.signal(SIGKILL);
    }
    Writer writer{*fs};
    EXPECT_FALSE(writer.done_within(200ms));
    Agent next{run_directory};
    next.recover();
    EXPECT_TRUE(writer.done_within(1s));
    const Result<Thawed> thawed = next.thaw();
    ASSERT_FALSE(thawed);
    EXPECT_THAT(thawed.error().message(), testing::HasSubstr("fsfreeze is limited"));
}

} // namespace
} // namespace frostline::freeze

int main(int argc, char** argv)
{
    using namespace frostline;
    if (argc == 6 && std::string{argv[1]} == "--agent") {
        return freeze::be_an_agent(argv);
    }
    testing::InitGoogleTest(&argc, argv);
    if (argc < 2) {
        std::cerr << "usage: integration-freeze PATH-OF-FROSTLINE-GUARD\n";
        return 1;
    }
    freeze::guard_program = argv[1];
    freeze::run_directory = test::enter_private_namespace();
    if (freeze::run_directory.empty() && std::getenv("CI") == nullptr) {
        std::cout << "skipped: needs root, loop devices and mount namespaces\n";
        return 77;
    }
    const int result = RUN_ALL_TESTS();
    if (!freeze::run_directory.empty()) {
        ::umount2(freeze::run_directory.c_str(), MNT_DETACH);
        ::rmdir(freeze::run_directory.c_str());
    }
    return result;
}
