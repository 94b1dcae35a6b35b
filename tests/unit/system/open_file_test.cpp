// SPDX-License-Identifier: Apache-2.0
#include "system/open_file.hpp"

#include "support/temp_folder.hpp"
#include "system/real_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

namespace frostline::system {
namespace {

using testing::HasSubstr;

class OpenFile : public testing::Test {
protected:
    OpenFile()
    {
        scratch_.folder("allowed");
        scratch_.folder("secret");
        scratch_.write("allowed/log", "log");
        scratch_.write("secret/key", "key");
    }

    Result<UniqueFd> open(const std::string& name, const char* mode)
    {
        return open_file(scratch_ / name, *parse_file_mode(mode), rules_);
    }
    std::string complaint(const std::string& name, const char* mode)
    {
        const Result<UniqueFd> file = open(name, mode);
        return file ? "opened" : file.error().message();
    }
    void link(const std::string& target, const std::string& name)
    {
        ASSERT_EQ(::symlink(target.c_str(), (scratch_ / name).c_str()), 0);
    }

    test::TempFolder scratch_;
    PathRules only_allowed_{{scratch_.real() + "/allowed/**"}};
    const PathRules* rules_ = &only_allowed_;
};

TEST(FileModes, AreThoseOfFopen)
{
    for (const char* mode : {"r", "rb", "w", "wb", "a", "ab", "r+", "rb+", "r+b", "w+", "wb+",
                             "w+b", "a+", "ab+", "a+b"}) {
        EXPECT_TRUE(parse_file_mode(mode)) << mode;
    }
    for (const char* mode :
         {"", "b", "x", "rw", "+r", "br", "rbb", "r++", "rt", "wx", "re", "r "}) {
        EXPECT_FALSE(parse_file_mode(mode)) << mode;
    }
    EXPECT_EQ(parse_file_mode("wb+")->flags, O_RDWR | O_CREAT | O_TRUNC);
    EXPECT_EQ(parse_file_mode("ab")->flags, O_WRONLY | O_CREAT | O_APPEND);
    EXPECT_EQ(parse_file_mode("r+b")->text, "r+b");
}

TEST_F(OpenFile, WhatTheRulesNameIsOpenedAndCreated)
{
    EXPECT_EQ(complaint("allowed/log", "r"), "opened");
    EXPECT_EQ(complaint("allowed/new", "w"), "opened");
    EXPECT_EQ(complaint("allowed/../allowed/new", "r+"), "opened");
    EXPECT_THAT(complaint("allowed/none", "r"), HasSubstr("No such file or directory"));
    EXPECT_THAT(complaint("allowed/none/x", "w"), HasSubstr("No such file or directory"));
    EXPECT_THAT(complaint("allowed/none/", "w"), HasSubstr("Is a directory"));
}

TEST_F(OpenFile, WhatTheyDoNotNameIsLeftAsItIs)
{
    for (const char* mode : {"r", "w", "a+", "w+"}) {
        EXPECT_THAT(complaint("secret/key", mode), HasSubstr("[policy] file-allow")) << mode;
        EXPECT_THAT(complaint("allowed/../secret/key", mode),
                    HasSubstr("it is '" + scratch_.real() + "/secret/key'"));
    }
    EXPECT_EQ(scratch_.read("secret/key"), "key") << "cut to length before it was refused";
    EXPECT_THAT(complaint("secret/new", "w"), HasSubstr("[policy] file-allow"));
    EXPECT_FALSE(scratch_.exists("secret/new"));
    EXPECT_THAT(complaint("allowed/../new", "w"), HasSubstr("[policy] file-allow"));
    EXPECT_FALSE(scratch_.exists("new"));
    EXPECT_THAT(complaint("allowed", "r"), HasSubstr("[policy] file-allow"));
}

TEST_F(OpenFile, LinksAreFollowedAndThenLookedAt)
{
    link(scratch_ / "secret/key", "allowed/to-secret");
    link("../secret", "allowed/secret-folder");
    link("allowed/log", "to-log");
    link(scratch_ / "secret/new", "allowed/to-new-secret");
    link("fresh", "allowed/to-fresh");
    link("loop", "allowed/loop");
    EXPECT_THAT(complaint("allowed/to-secret", "w"), HasSubstr("[policy] file-allow"));
    EXPECT_THAT(complaint("allowed/secret-folder/key", "w"), HasSubstr("[policy] file-allow"));
    EXPECT_THAT(complaint("allowed/secret-folder/new", "w"), HasSubstr("[policy] file-allow"));
    EXPECT_THAT(complaint("allowed/to-new-secret", "w"), HasSubstr("[policy] file-allow"));
    EXPECT_EQ(scratch_.read("secret/key"), "key");
    EXPECT_FALSE(scratch_.exists("secret/new"));
    EXPECT_EQ(complaint("to-log", "r"), "opened");
    EXPECT_EQ(complaint("allowed/to-fresh", "w"), "opened");
    EXPECT_TRUE(scratch_.exists("allowed/fresh"));
    EXPECT_THAT(complaint("allowed/loop", "w"), HasSubstr("Too many levels of symbolic links"));
}

TEST_F(OpenFile, MagicLinksLeadNowhereElse)
{
    const PathRules everything{{"/**"}};
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const UniqueFd read{pipe[0]};
    const UniqueFd write{pipe[1]};
    const Result<UniqueFd> through_proc =
        open_file(path_of_descriptor(read.get()), *parse_file_mode("r"), &everything);
    ASSERT_FALSE(through_proc);
    EXPECT_THAT(through_proc.error().message(), HasSubstr("it has no path"));

    const UniqueFd gone{::open((scratch_ / "allowed/log").c_str(), O_RDONLY | O_CLOEXEC)};
    ::unlink((scratch_ / "allowed/log").c_str());
    EXPECT_FALSE(open_file(path_of_descriptor(gone.get()), *parse_file_mode("r"), rules_));
}

/// Lets two names change places, over and over, while it lives.
class Attacker {
public:
    Attacker(std::string one, std::string other)
        : thread_([this, one = std::move(one), other = std::move(other)] {
              while (!stop_) {
                  ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
              }
          })
    {}
    Attacker(const Attacker&) = delete;
    Attacker& operator=(const Attacker&) = delete;
    ~Attacker()
    {
        stop_ = true;
        thread_.join();
    }

private:
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

TEST_F(OpenFile, ALinkThatChangesAllTheTimeOpensNothingElse)
{
    link("log", "allowed/link");
    link("../secret/key", "allowed/aside");
    const Attacker attacker{scratch_ / "allowed/link", scratch_ / "allowed/aside"};
    int opened = 0;
    for (int i = 0; i < 100'000 && (i < 5000 || opened == 0); ++i) {
        const Result<UniqueFd> file = open("allowed/link", "a");
        if (file) {
            ++opened;
            ASSERT_EQ(*real_path(file->get()), scratch_.real() + "/allowed/log");
        }
    }
    EXPECT_GT(opened, 0);
}

TEST_F(OpenFile, AFolderThatChangesAllTheTimeCreatesNothingElsewhere)
{
    scratch_.folder("allowed/real");
    link("real", "allowed/folder");
    link("../secret", "allowed/aside");
    const Attacker attacker{scratch_ / "allowed/folder", scratch_ / "allowed/aside"};
    int created = 0;
    for (int i = 0; i < 100'000 && (i < 5000 || created == 0); ++i) {
        static_cast<void>(open("allowed/folder/new", "w"));
        created += ::unlink((scratch_ / "allowed/real/new").c_str()) == 0 ? 1 : 0;
        ASSERT_FALSE(scratch_.exists("secret/new"));
    }
    EXPECT_GT(created, 0);
}

TEST_F(OpenFile, WithoutRulesItIsAsFopenHasIt)
{
    rules_ = nullptr;
    link("later", "dangling");
    const mode_t before = ::umask(027);
    EXPECT_EQ(complaint("dangling", "w"), "opened");
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat((scratch_ / "later").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
    EXPECT_EQ(complaint("secret/key", "a"), "opened");
    EXPECT_THAT(complaint("", "w"), HasSubstr("Is a directory")); // the folder itself
    EXPECT_THAT(complaint("x/", "w"), HasSubstr("Is a directory"));
    EXPECT_THAT(complaint(std::string{"a\0b", 3}, "w"), HasSubstr("Invalid argument"));
    EXPECT_FALSE(scratch_.exists("a"));
}

TEST_F(OpenFile, ItIsNotInheritedAndDoesNotWait)
{
    ASSERT_EQ(::mkfifo((scratch_ / "allowed/fifo").c_str(), 0600), 0);
    for (const PathRules* rules : {rules_, static_cast<const PathRules*>(nullptr)}) {
        rules_ = rules;
        const Result<UniqueFd> fifo = open("allowed/fifo", "r");
        ASSERT_TRUE(fifo);
        EXPECT_NE(::fcntl(fifo->get(), F_GETFL) & O_NONBLOCK, 0);
        EXPECT_EQ(::fcntl(fifo->get(), F_GETFD), FD_CLOEXEC);
    }
}

TEST(RealPath, OnlyRootCanChangeWhatOthersCannot)
{
    EXPECT_TRUE(only_root_can_change("/usr/bin/env"));
    EXPECT_FALSE(only_root_can_change("/tmp/x"));
    EXPECT_FALSE(only_root_can_change("/no/such"));
    test::TempFolder scratch; // below /tmp, where everybody can rename
    scratch.write("tool", "");
    EXPECT_FALSE(only_root_can_change(scratch.real() + "/tool"));
}

} // namespace
} // namespace frostline::system
