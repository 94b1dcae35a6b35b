// SPDX-License-Identifier: Apache-2.0
#include "freeze/run_state.hpp"

#include <filesystem>
#include <fstream>

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

namespace frostline::freeze {
namespace {

using testing::HasSubstr;

class RunStateTest : public testing::Test {
protected:
    RunStateTest() : directory(testing::TempDir() + "/run-state-" + std::to_string(::getpid()))
    {
        std::filesystem::create_directory(directory);
    }
    ~RunStateTest() override { std::filesystem::remove_all(directory); }

    std::string directory;
};

TEST_F(RunStateTest, KeepsEverythingAlsoOddMountPoints)
{
    FileRunState store{directory};
    const RunState state{"id 1\\",
                         {{"/a b\nc\\", makedev(254, 3)}, {"/", makedev(0, 77)}},
                         {{"10-db"}, {"20 a", 4711}}};
    ASSERT_TRUE(store.save(state));
    Result<std::optional<RunState>> back = store.load();
    ASSERT_TRUE(back && *back);
    EXPECT_EQ((*back)->id, state.id);
    ASSERT_EQ((*back)->filesystems.size(), 2U);
    EXPECT_EQ((*back)->filesystems[0].mount_point, "/a b\nc\\");
    EXPECT_EQ((*back)->filesystems[0].device, makedev(254, 3));
    EXPECT_EQ((*back)->filesystems[1].device, makedev(0, 77));
    ASSERT_EQ((*back)->hooks.size(), 2U);
    EXPECT_EQ((*back)->hooks[0].name, "10-db");
    EXPECT_EQ((*back)->hooks[0].running, 0U);
    EXPECT_EQ((*back)->hooks[1].name, "20 a");
    EXPECT_EQ((*back)->hooks[1].running, 4711U);
    EXPECT_FALSE((*back)->granted);
    EXPECT_FALSE((*back)->lapse);
}

TEST_F(RunStateTest, KeepsWhatTheHostHasNotHeardYet)
{
    FileRunState store{directory};
    RunState state;
    state.id = "a";
    state.granted = true;
    state.lapse = RunState::Lapse{" to 60s:\nlate",
                                  system::EventLoop::TimePoint{std::chrono::nanoseconds{77}}, 3};
    ASSERT_TRUE(store.save(state));
    const Result<std::optional<RunState>> back = store.load();
    ASSERT_TRUE(back && *back && (*back)->lapse);
    EXPECT_TRUE((*back)->granted);
    EXPECT_FALSE((*back)->holds());
    EXPECT_EQ((*back)->lapse->what, " to 60s:\nlate");
    EXPECT_EQ((*back)->lapse->when, state.lapse->when);
    EXPECT_EQ((*back)->lapse->count, 3);
}

TEST_F(RunStateTest, AFullDirectoryIsAnErrorAndLeavesTheOldStateAlone)
{
    FileRunState store{directory};
    RunState small;
    small.id = "small";
    ASSERT_TRUE(store.save(small));
    // The limit on a file's size stands for a full tmpfs.
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{64, before.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &tight);
    RunState large;
    large.id = std::string(4096, 'x');
    const Result<void> saved = store.save(large);
    ::setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(saved);
    EXPECT_THAT(saved.error().message(), HasSubstr("freeze.state"));
    EXPECT_EQ((*store.load())->id, "small");
    EXPECT_FALSE(std::filesystem::exists(directory + "/freeze.state.new"));
}

TEST_F(RunStateTest, NoFileMeansNothingLeft)
{
    FileRunState store{directory};
    Result<std::optional<RunState>> back = store.load();
    ASSERT_TRUE(back);
    EXPECT_FALSE(*back);
    store.remove(); // no error either
}

TEST_F(RunStateTest, AFileThatMakesNoSenseIsAnErrorWithItsName)
{
    std::ofstream{directory + "/freeze.state"} << "frostline-freeze-state 1\nfs nonsense\n";
    Result<std::optional<RunState>> back = FileRunState{directory}.load();
    ASSERT_FALSE(back);
    EXPECT_THAT(back.error().message(), HasSubstr("freeze.state"));
}

TEST_F(RunStateTest, AMissingDirectoryIsAnError)
{
    EXPECT_FALSE(FileRunState{directory + "/none"}.save({}));
}

} // namespace
} // namespace frostline::freeze
