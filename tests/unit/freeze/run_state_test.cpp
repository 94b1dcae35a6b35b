// SPDX-License-Identifier: Apache-2.0
#include "freeze/run_state.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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
    const RunState state{
        "id 1\\", {{"/a b\nc\\", makedev(254, 3)}, {"/", makedev(0, 77)}}, {"10-db"}};
    ASSERT_TRUE(store.save(state));
    Result<std::optional<RunState>> back = store.load();
    ASSERT_TRUE(back && *back);
    EXPECT_EQ((*back)->id, state.id);
    ASSERT_EQ((*back)->filesystems.size(), 2U);
    EXPECT_EQ((*back)->filesystems[0].mount_point, "/a b\nc\\");
    EXPECT_EQ((*back)->filesystems[0].device, makedev(254, 3));
    EXPECT_EQ((*back)->filesystems[1].device, makedev(0, 77));
    EXPECT_EQ((*back)->hooks, state.hooks);
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
