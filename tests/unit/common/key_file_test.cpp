// SPDX-License-Identifier: Apache-2.0
#include "common/key_file.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace frostline {
namespace {

KeyFile good(std::string_view text)
{
    Result<KeyFile> file = KeyFile::parse(text, "/etc/x.conf");
    EXPECT_TRUE(file) << file.error().message();
    return *std::move(file);
}

std::string bad(std::string_view text)
{
    const Result<KeyFile> file = KeyFile::parse(text, "/etc/x.conf");
    return file ? "accepted" : file.error().message();
}

TEST(KeyFileTest, ReadsEveryType)
{
    const KeyFile file = good("# comment\n\n[freeze]\ndeadline = 90s\nparallel=8\n"
                              "presync=yes\nexclude=/a; /b,@fuse*;\nname= a b \n[empty]\n");
    EXPECT_EQ(**file.duration("freeze", "deadline"), std::chrono::seconds{90});
    EXPECT_EQ(**file.integer("freeze", "parallel", 1, 64), 8);
    EXPECT_EQ(**file.boolean("freeze", "presync"), true);
    EXPECT_EQ(**file.list("freeze", "exclude"), (std::vector<std::string>{"/a", "/b", "@fuse*"}));
    EXPECT_EQ(**file.string("freeze", "name"), "a b");
    EXPECT_EQ(file.groups(), (std::vector<std::string>{"freeze", "empty"}));
    EXPECT_EQ(file.keys("empty"), std::vector<std::string>{});
    EXPECT_EQ(file.keys("absent"), std::vector<std::string>{});
    EXPECT_FALSE(*file.string("freeze", "absent"));
    EXPECT_FALSE(*file.integer("absent", "absent", 0, 1));
    EXPECT_EQ(file.line("freeze", "parallel"), 5);
    EXPECT_EQ(file.line("empty", ""), 9);
}

TEST(KeyFileTest, EmptyFilesAreFine)
{
    EXPECT_TRUE(good("").groups().empty());
    EXPECT_TRUE(good("# only a comment\n").groups().empty());
}

TEST(KeyFileTest, WrongTypesNameThePlace)
{
    const KeyFile file = good("[freeze]\nparallel=many\npresync=maybe\ndeadline=soon\nx=\\q\n");
    EXPECT_EQ(file.integer("freeze", "parallel", 1, 64).error().message(),
              "/etc/x.conf:2: [freeze] parallel: 'many' is no whole number from 1 to 64");
    EXPECT_EQ(file.boolean("freeze", "presync").error().message(),
              "/etc/x.conf:3: [freeze] presync: 'maybe' is neither true nor false");
    EXPECT_EQ(file.duration("freeze", "deadline")
                  .error()
                  .message()
                  .find("/etc/x.conf:4: [freeze] deadline: 'soon' is no duration"),
              0U);
    const auto escape = file.string("freeze", "x");
    ASSERT_FALSE(escape);
    EXPECT_EQ(escape.error().message().find("/etc/x.conf:5: [freeze] x: "), 0U);
}

TEST(KeyFileTest, NumbersOutOfRangeAreRefused)
{
    const KeyFile file = good("[a]\nlow=0\nhigh=65\nhuge=99999999999999999999\ntail=8x\n");
    for (const char* key : {"low", "high", "huge", "tail"}) {
        EXPECT_FALSE(file.integer("a", key, 1, 64)) << key;
    }
}

TEST(KeyFileTest, OddLinesAreNamed)
{
    EXPECT_EQ(bad("[a]\nx=1\nnonsense\n"),
              "/etc/x.conf:3: expected [group], key=value, # comment or a blank line");
    EXPECT_EQ(bad("x=1\n"),
              "/etc/x.conf:1: expected [group], key=value, # comment or a blank line");
    EXPECT_EQ(bad("[a\nx=1\n"),
              "/etc/x.conf:1: expected [group], key=value, # comment or a blank line");
    EXPECT_EQ(bad("[a]\n=1\n"),
              "/etc/x.conf:2: expected [group], key=value, # comment or a blank line");
    EXPECT_NE(bad("[a]\nx=\xFF\n").find("UTF-8"), std::string::npos);
    EXPECT_NE(bad(std::string("[a]\nx=\0\n", 8)).find("UTF-8"), std::string::npos);
}

TEST(KeyFileTest, UnknownGroupsAndKeysAreRefusedWithWhatIsKnown)
{
    const std::vector<std::string> known{"agent/method", "agent/path", "freeze/deadline"};
    EXPECT_TRUE(good("[agent]\nmethod=x\n[freeze]\n").refuse_unknown(known));
    EXPECT_EQ(good("[agent]\nmethod=x\nmode=y\n").refuse_unknown(known).error().message(),
              "/etc/x.conf:3: [agent] mode: unknown key; this group knows method, path");
    EXPECT_EQ(good("\n[agents]\n").refuse_unknown(known).error().message(),
              "/etc/x.conf:2: [agents] unknown group; known are [agent] [freeze]");
}

TEST(KeyFileTest, LaterValuesAndTheirLinesWin)
{
    const KeyFile file = good("[a]\nx=1\n[b]\nx=2\n[a]\nx=oops\n");
    EXPECT_EQ(file.integer("a", "x", 0, 9).error().message().find("/etc/x.conf:6: "), 0U);
}

TEST(KeyFileTest, LoadsFiles)
{
    std::string name = std::filesystem::temp_directory_path() / "frostline-key-file-XXXXXX";
    const int fd = ::mkstemp(name.data());
    ASSERT_GE(fd, 0);
    ::close(fd);
    std::ofstream{name} << "[a]\nx=1\n";
    const auto file = KeyFile::load(name);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->name(), name);
    EXPECT_EQ(**file->integer("a", "x", 0, 9), 1);

    std::ofstream{name} << std::string(2 << 20, '#');
    EXPECT_NE(KeyFile::load(name).error().message().find("larger than 1 MiB"), std::string::npos);
    std::filesystem::remove(name);
    EXPECT_EQ(KeyFile::load(name).error().kind(), ErrorKind::not_found);
    EXPECT_NE(KeyFile::load("/").error().message().find("/: cannot read"), std::string::npos);
}

} // namespace
} // namespace frostline
