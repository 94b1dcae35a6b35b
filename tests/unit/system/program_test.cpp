// SPDX-License-Identifier: Apache-2.0
#include "system/program.hpp"

#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace frostline::system {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ProgramTest : public testing::Test {
protected:
    /// The path that would be executed, or why none would.
    std::string find(const std::string& name)
    {
        ChildSpec spec;
        spec.arguments = {name};
        spec.search_path = search_path_;
        spec.allowed = allowed_;
        found_ = Program{};
        Result<Program> program = program_for(spec);
        if (!program) {
            return program.error().message();
        }
        found_ = std::move(*program);
        return found_.path;
    }
    void allow(std::vector<std::string> patterns)
    {
        allowed_ = std::make_shared<const PathRules>(std::move(patterns));
    }

    test::TempFolder folder_;
    std::string search_path_ = "/nowhere:" + (folder_ / "one") + ":" + (folder_ / "two");
    SharedPathRules allowed_;
    Program found_;
};

TEST_F(ProgramTest, TheFirstOneThatCanBeRunIsTaken)
{
    folder_.write("one/tool", "", 0644);
    folder_.program("two/tool");
    folder_.folder("one/other");
    EXPECT_EQ(find("tool"), folder_ / "two/tool");
    EXPECT_FALSE(found_.file);
    EXPECT_THAT(find("none"), HasSubstr("No such file or directory"));
    EXPECT_THAT(find("other"), HasSubstr("Permission denied"));
    EXPECT_THAT(find(""), HasSubstr("No such file or directory"));
    EXPECT_EQ(find(folder_ / "two/tool"), folder_ / "two/tool");
    EXPECT_THAT(find(folder_ / "one/tool"), HasSubstr("Permission denied"));
    EXPECT_THAT(find(folder_ / "one/other"), HasSubstr("Permission denied"));
    folder_.write("one/tool", "", 0755);
    EXPECT_EQ(find("tool"), folder_ / "one/tool");
}

TEST_F(ProgramTest, WhatIsHeldAgainstTheRulesIsTheRealPath)
{
    folder_.program("two/tool");
    folder_.program("hidden/tool");
    allow({folder_.real() + "/two/*"});
    EXPECT_THAT(find("tool"), StartsWith("/dev/fd/"));
    EXPECT_TRUE(found_.file) << "others could exchange it: run by descriptor";
    EXPECT_TRUE(found_.stays_open) << "a script is opened again by its interpreter";
    folder_.folder("one");
    ASSERT_EQ(::symlink("../hidden/tool", (folder_ / "one/tool").c_str()), 0);
    EXPECT_THAT(find("tool"), HasSubstr("[policy] exec-allow"));
    EXPECT_THAT(find("tool"), HasSubstr("it is '" + folder_.real() + "/hidden/tool', which"));
    EXPECT_THAT(find(folder_ / "two/../hidden/tool"), HasSubstr("[policy] exec-allow"));
}

TEST_F(ProgramTest, WhatOnlyRootCanExchangeIsRunByItsPath)
{
    const std::string real = std::filesystem::canonical("/bin/cat").string();
    allow({real});
    EXPECT_EQ(find("/bin/cat"), real);
    EXPECT_FALSE(found_.file);
    allow({"/**"});
    std::filesystem::copy_file("/bin/cat", folder_ / "cat");
    EXPECT_THAT(find(folder_ / "cat"), StartsWith("/dev/fd/"));
    EXPECT_FALSE(found_.stays_open) << "a binary needs no descriptor of itself";
    allow({});
    EXPECT_THAT(find("/bin/cat"), HasSubstr("[policy] exec-allow"));
}

} // namespace
} // namespace frostline::system
