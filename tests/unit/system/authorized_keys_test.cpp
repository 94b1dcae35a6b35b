// SPDX-License-Identifier: Apache-2.0
#include "system/authorized_keys.hpp"

#include "support/temp_folder.hpp"
#include "system/authorized_keys_file.hpp"
#include "system/authorized_keys_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace frostline::system {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* key1 = "algo key1 comments";
constexpr const char* key2 = "algo key2 comments";

// --- text

TEST(Keys, AreTheLinesThatAreNeitherBlankNorComments)
{
    EXPECT_THAT(keys_in("algo key1 comments\n\n  # comment\n\t algo key2 comments \r\n \t\n"),
                ElementsAre(key1, key2));
    EXPECT_THAT(keys_in("algo key1 comments"), ElementsAre(key1));
    EXPECT_THAT(keys_in(""), ElementsAre());
}

TEST(Keys, ThatAreNotOneLineOrAreCommentsAreRefused)
{
    EXPECT_TRUE(check_keys({key1, "", "  "}));
    for (const std::string& bad :
         {std::string{"algo key\nalgo other"}, std::string{"#comment"}, std::string{" # comment"},
          std::string{"algo\0key", 8}, std::string{"algo key\n"}}) {
        const Result<void> checked = check_keys({key1, bad});
        ASSERT_FALSE(checked);
        EXPECT_EQ(checked.error().message(), "invalid OpenSSH public key: '" + bad + "'");
    }
}

TEST(AddingKeys, AppendsWhatIsNotThereAndEndsTheLastLine)
{
    EXPECT_EQ(with_keys("", {key2}), "algo key2 comments\n");
    EXPECT_EQ(with_keys("algo key2 comments", {key1, key2}),
              "algo key2 comments\nalgo key1 comments\n");
    EXPECT_EQ(with_keys("algo key2 comments\n", {key1, key1, ""}),
              "algo key2 comments\nalgo key1 comments\n");
    EXPECT_EQ(with_keys("", {}), "");
}

TEST(AddingKeys, KeepsCommentsAndWindowsLines)
{
    EXPECT_EQ(with_keys("# mine\r\nalgo key1 comments\r\n\n", {"algo key1 comments\r", key2}),
              "# mine\r\nalgo key1 comments\r\n\nalgo key2 comments\n");
}

TEST(RemovingKeys, TakesEveryLineOfTheirsAndNoOther)
{
    const std::string text = "algo key1 comments\n# a commented line\n\nalgo some-key another\n"
                             "algo key1 comments\r\nalgo key1 comments and more";
    EXPECT_EQ(without_keys(text, {"algo absent"}), text);
    EXPECT_EQ(without_keys(text, {""}), text);
    EXPECT_EQ(without_keys(text, {key1, key2}),
              "# a commented line\n\nalgo some-key another\nalgo key1 comments and more");
}

// --- the file

class KeysFileTest : public testing::Test {
protected:
    [[nodiscard]] std::string text() const
    {
        std::ostringstream out;
        out << std::ifstream{path()}.rdbuf();
        return out.str();
    }
    [[nodiscard]] std::string path() const { return home_ / ".ssh/authorized_keys"; }
    [[nodiscard]] static mode_t mode(const std::string& path)
    {
        struct stat status {};
        EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
        return status.st_mode;
    }
    Result<std::vector<std::string>> work(KeyTask::What what, std::vector<std::string> keys = {})
    {
        // By way of its written form, as the agent hands it on.
        KeyTask task;
        task.what = what;
        task.home = home_ / "";
        task.home.pop_back();
        task.keys = std::move(keys);
        const Result<KeyTask> received = decode_key_task(encode(task));
        EXPECT_TRUE(received);
        return carry_out(*received);
    }
    std::string failure(KeyTask::What what, std::vector<std::string> keys = {})
    {
        const auto result = work(what, std::move(keys));
        return result ? "success" : result.error().message();
    }

    test::TempFolder home_;
};

TEST_F(KeysFileTest, IsMadeWithItsFolder)
{
    EXPECT_TRUE(work(KeyTask::What::add, {key2}));
    EXPECT_EQ(text(), "algo key2 comments\n");
    EXPECT_EQ(mode(home_ / ".ssh") & 07777U, 0700U);
    EXPECT_EQ(mode(path()) & 07777U, 0600U);
    EXPECT_TRUE(work(KeyTask::What::add, {key1, key2}));
    EXPECT_THAT(*work(KeyTask::What::show), ElementsAre(key2, key1));
    EXPECT_TRUE(work(KeyTask::What::replace, {key1}));
    EXPECT_EQ(text(), "algo key1 comments\n");
    EXPECT_TRUE(work(KeyTask::What::replace));
    EXPECT_EQ(text(), "");
    EXPECT_THAT(std::distance(std::filesystem::directory_iterator{home_ / ".ssh"}, {}), 1);
}

TEST_F(KeysFileTest, GetsTheModeItShouldHaveAndItsFolderKeepsItsOwn)
{
    home_.write(".ssh/authorized_keys", "algo key1 comments\n", 0666);
    ::chmod((home_ / ".ssh").c_str(), 0750);
    EXPECT_TRUE(work(KeyTask::What::add, {key2}));
    EXPECT_EQ(mode(path()) & 07777U, 0600U);
    EXPECT_EQ(mode(home_ / ".ssh") & 07777U, 0750U);
}

TEST_F(KeysFileTest, ThatIsMissingIsAnErrorOnlyForReading)
{
    EXPECT_EQ(failure(KeyTask::What::show), "failed to read '" + path() +
                                                "': Failed to open file “" + path() +
                                                "”: No such file or directory");
    EXPECT_TRUE(work(KeyTask::What::remove, {key1}));
    EXPECT_FALSE(std::filesystem::exists(home_ / ".ssh"));
}

TEST_F(KeysFileTest, IsNotTouchedWhenThereIsNothingToRemove)
{
    home_.write(".ssh/authorized_keys", "algo key1 comments", 0644);
    EXPECT_TRUE(work(KeyTask::What::remove, {key2}));
    EXPECT_EQ(mode(path()) & 07777U, 0644U);
    EXPECT_TRUE(work(KeyTask::What::remove, {key1}));
    EXPECT_EQ(text(), "");
}

TEST_F(KeysFileTest, AFifoInItsPlaceIsRefusedAtOnce)
{
    std::filesystem::create_directory(home_ / ".ssh");
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    EXPECT_EQ(failure(KeyTask::What::show),
              "failed to read '" + path() + "': it is not a regular file");
    EXPECT_EQ(failure(KeyTask::What::add, {key1}),
              "failed to read '" + path() + "': it is not a regular file");
}

TEST_F(KeysFileTest, ADirectoryInItsPlaceIsRefusedAndNothingIsLeft)
{
    std::filesystem::create_directories(path());
    EXPECT_THAT(failure(KeyTask::What::show), HasSubstr("it is not a regular file"));
    EXPECT_EQ(failure(KeyTask::What::replace, {key1}),
              "failed to write to '" + path() + "': Is a directory");
    EXPECT_THAT(std::distance(std::filesystem::directory_iterator{home_ / ".ssh"}, {}), 1);
}

TEST_F(KeysFileTest, MoreThanOneMebibyteIsRefusedBeforeAndAfter)
{
    home_.write(".ssh/authorized_keys", std::string(largest_keys_file + 1, 'x'));
    EXPECT_THAT(failure(KeyTask::What::show), HasSubstr("it is larger than 1 MiB"));
    home_.write(".ssh/authorized_keys", std::string(largest_keys_file - 1, 'x') + "\n");
    EXPECT_THAT(failure(KeyTask::What::add, {key1}), HasSubstr("it would be larger than 1 MiB"));
    EXPECT_EQ(text().size(), largest_keys_file);
}

TEST_F(KeysFileTest, ALinkInItsPlaceIsReadAndThenReplaced)
{
    home_.write("elsewhere", "algo key1 comments\n", 0644);
    std::filesystem::create_directory(home_ / ".ssh");
    std::filesystem::create_symlink("../elsewhere", path());
    EXPECT_TRUE(work(KeyTask::What::add, {key2}));
    EXPECT_TRUE(S_ISREG(mode(path())));
    EXPECT_THAT(keys_in(text()), ElementsAre(key1, key2));
    EXPECT_EQ(std::filesystem::file_size(home_ / "elsewhere"), 19U);
}

TEST_F(KeysFileTest, AFileInTheFoldersPlaceIsAnError)
{
    home_.write(".ssh", "");
    EXPECT_EQ(failure(KeyTask::What::add, {key1}), "failed to read '" + path() +
                                                       "': Failed to open file “" + path() +
                                                       "”: Not a directory");
    EXPECT_EQ(failure(KeyTask::What::replace, {key1}),
              "failed to create directory '" + (home_ / ".ssh") + "': Not a directory");
}

TEST(KeyTasks, ThatWereCutOffAreRefused)
{
    KeyTask task;
    task.what = KeyTask::What::replace;
    task.home = "/home/x";
    task.keys = {key1, "", key2};
    const std::string text = encode(task);
    EXPECT_THAT(decode_key_task(text)->keys, ElementsAre(key1, "", key2));
    for (std::size_t length = 0; length < text.size(); ++length) {
        EXPECT_FALSE(decode_key_task(text.substr(0, length))) << length;
    }
}

} // namespace
} // namespace frostline::system
