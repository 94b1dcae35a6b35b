// SPDX-License-Identifier: Apache-2.0
#include "hooks/hook_directory.hpp"

#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace frostline::hooks {
namespace {

using State = HookListing::State;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HookDirectoryTest : public testing::Test {
protected:
    Catalog read()
    {
        Result<Catalog> catalog =
            read_hook_directories({folder_ / "lib", folder_ / "etc", folder_ / "run"});
        EXPECT_TRUE(catalog) << catalog.error().message();
        return catalog ? std::move(*catalog) : Catalog{};
    }
    CatalogEntry only()
    {
        Catalog catalog = read();
        EXPECT_EQ(catalog.entries.size(), 1U);
        return catalog.entries.empty() ? CatalogEntry{} : catalog.entries.front();
    }

    test::TempFolder folder_;
};

TEST_F(HookDirectoryTest, FoldersThatDoNotExistHoldNothing)
{
    const Catalog catalog = read();
    EXPECT_THAT(catalog.entries, IsEmpty());
    EXPECT_THAT(catalog.ignored, IsEmpty());
}

TEST_F(HookDirectoryTest, LaterFoldersReplaceByNameAndStagesSort)
{
    folder_.program("lib/30-b");
    folder_.program("lib/20-a");
    folder_.program("etc/20-a");
    folder_.program("run/10-c");
    const Catalog catalog = read();
    std::vector<std::string> programs;
    for (const CatalogEntry& entry : catalog.entries) {
        EXPECT_EQ(entry.state, State::active) << entry.reason;
        programs.push_back(entry.hook.program);
    }
    EXPECT_THAT(programs,
                ElementsAre(folder_ / "run/10-c", folder_ / "etc/20-a", folder_ / "lib/30-b"));
}

TEST_F(HookDirectoryTest, ALinkToDevNullMasksAndAFileBringsItBack)
{
    folder_.program("lib/20-a");
    folder_.program("etc/other");
    std::filesystem::create_symlink("/dev/null", folder_ / "etc/20-a");
    EXPECT_EQ(only().state, State::masked);
    folder_.program("run/20-a");
    EXPECT_EQ(only().state, State::active);
}

TEST_F(HookDirectoryTest, OtherNamesAreIgnoredWithAReason)
{
    folder_.program("lib/20-a.sh");
    folder_.program("lib/README");
    folder_.program("lib/20-folder/x");
    const Catalog catalog = read();
    EXPECT_THAT(catalog.entries, IsEmpty());
    EXPECT_THAT(catalog.ignored, ElementsAre(HasSubstr("20-a.sh: ignored: not a hook's name"),
                                             HasSubstr("20-folder: ignored: a folder"),
                                             HasSubstr("README: ignored")));
}

TEST_F(HookDirectoryTest, AFileThatOthersCanWriteIsRefusedAndDoesNotBringBackWhatItReplaced)
{
    folder_.program("lib/20-a");
    folder_.write("etc/20-a", "#!/bin/sh\n", 0775);
    const CatalogEntry entry = only();
    EXPECT_EQ(entry.state, State::refused);
    EXPECT_THAT(entry.reason, HasSubstr("etc/20-a: writable by group or others (chmod go-w it)"));
}

TEST_F(HookDirectoryTest, AFolderThatOthersCanWriteIsRefused)
{
    folder_.program("etc/20-a");
    ::chmod((folder_ / "etc").c_str(), 0777);
    EXPECT_THAT(only().reason, AllOf(HasSubstr("its folder"), HasSubstr("/etc is writable")));
    ::chmod((folder_ / "etc").c_str(), 01777); // sticky: others could still add hooks
    EXPECT_EQ(only().state, State::refused);
}

TEST_F(HookDirectoryTest, AFolderFurtherUpCountsToo)
{
    const std::string program = folder_.program("opt/app/bin/db");
    folder_.write("etc/20-a.hook", "[Hook]\nExec=" + program + "\n");
    EXPECT_EQ(only().state, State::active) << only().reason;
    ::chmod((folder_ / "opt").c_str(), 0775);
    EXPECT_THAT(only().reason, AllOf(HasSubstr("20-a.hook: "), HasSubstr("/opt is writable")));
}

TEST_F(HookDirectoryTest, AnotherOwnerIsRefused)
{
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    const std::string path = folder_.program("etc/20-a");
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    EXPECT_THAT(only().reason, HasSubstr("not owned by root"));
}

TEST_F(HookDirectoryTest, TheProgramOfAKeyFileMustBeTrustedToo)
{
    const std::string program = folder_.write("bin/db", "#!/bin/sh\n", 0757);
    folder_.write("etc/20-a.hook", "[Hook]\nExec=" + program + "\n");
    EXPECT_THAT(only().reason, HasSubstr("bin/db: writable by group or others"));
    ::chmod(program.c_str(), 0644);
    EXPECT_THAT(only().reason, HasSubstr("bin/db: not executable (chmod +x it"));
    std::filesystem::remove(program);
    EXPECT_THAT(only().reason, AllOf(HasSubstr("20-a.hook: "), HasSubstr("No such file")));
}

TEST_F(HookDirectoryTest, ALinkIsFollowedAndItsTargetChecked)
{
    const std::string program = folder_.program("bin/db");
    folder_.program("etc/other");
    std::filesystem::create_symlink(program, folder_ / "etc/20-a");
    EXPECT_EQ(only().state, State::active) << only().reason;
    ::chmod((folder_ / "bin").c_str(), 0777);
    EXPECT_EQ(only().state, State::refused);
}

TEST_F(HookDirectoryTest, AnUnmetConditionNeedsNoProgram)
{
    folder_.write("etc/20-a.hook",
                  "[Hook]\nExec=/no/such\nConditionPathExists=" + (folder_ / "app") + "\n");
    EXPECT_EQ(only().state, State::condition_unmet);
    EXPECT_THAT(only().reason, HasSubstr("/app does not exist"));
    folder_.write("app", "");
    EXPECT_EQ(only().state, State::refused);
}

TEST_F(HookDirectoryTest, AWrongKeyFileIsRefusedWithItsLine)
{
    folder_.write("etc/20-a.hook", "[Hook]\nExec=/bin/true\nColour=red\n");
    EXPECT_THAT(only().reason, HasSubstr("etc/20-a.hook:3: [Hook] Colour: unknown key"));
}

TEST_F(HookDirectoryTest, TheCompatibleScriptIsHeldToTheSameRules)
{
    const std::string script = folder_.program("etc/fsfreeze-hook");
    EXPECT_EQ(compatible_script_entry(script).state, State::active);
    EXPECT_EQ(compatible_script_entry(script).hook.stage, -1);
    ::chmod(script.c_str(), 0777);
    EXPECT_EQ(compatible_script_entry(script).state, State::refused);
}

} // namespace
} // namespace frostline::hooks
