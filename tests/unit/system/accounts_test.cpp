// SPDX-License-Identifier: Apache-2.0
#include "system/linux_accounts.hpp"

#include "support/prompt_workers.hpp"
#include "support/temp_folder.hpp"
#include "unit/hooks/fake_launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace frostline::system {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// Keeps the work; nothing comes back until the test says so.
class StuckWorkers : public Workers {
public:
    void prepare(std::size_t /*count*/) override {}
    void submit(Work work) override { kept.push_back(std::move(work)); }
    std::vector<Work> kept;
};

class AccountsTest : public testing::Test {
protected:
    AccountsTest() { folder_.program("bin/chpasswd"); }

    LinuxAccounts::Settings settings()
    {
        LinuxAccounts::Settings made;
        made.task_program = "/the/agent";
        made.find_user = [](const std::string& name) -> Result<Identity> {
            if (name == "broken") {
                return fail(ErrorKind::io, "cannot look up user 'broken': Input/output error");
            }
            if (name != "anna") {
                return fail(ErrorKind::not_found, "there is no user '" + name + "'");
            }
            Identity identity;
            identity.user = 4711;
            identity.group = 4712;
            identity.groups = {4712, 27};
            identity.name = name;
            identity.home = "/home/anna";
            return identity;
        };
        return made;
    }
    void set_password(const std::string& user, const std::string& password, bool hashed = false)
    {
        accounts_.set_password({user, password, hashed},
                               [this](Result<void> result) { result_ = std::move(result); });
        loop_.advance(0ns);
    }
    void change(const std::string& user, KeyChange::What what, std::vector<std::string> keys)
    {
        accounts_.change_authorized_keys(
            user, {what, std::move(keys)},
            [this](Result<void> result) { result_ = std::move(result); });
        loop_.advance(0ns);
    }
    void get(const std::string& user)
    {
        accounts_.authorized_keys(user, [this](Result<std::vector<std::string>> result) {
            keys_ = result ? *result : std::vector<std::string>{};
            result_ = result ? Result<void>{} : fail(result.error());
        });
        loop_.advance(0ns);
    }
    test::FakeProcess& process() { return *launcher_.all.at(0); }
    [[nodiscard]] std::string answer() const
    {
        return !result_ ? "none" : *result_ ? "success" : result_->error().message();
    }

    test::TempFolder folder_;
    test::FakeLoop loop_;
    test::FakeLauncher launcher_{loop_};
    test::PromptWorkers workers_{loop_};
    HelperPrograms helpers_{loop_, launcher_, {folder_ / "bin"}};
    LinuxAccounts accounts_{loop_, helpers_, workers_, settings()};
    std::optional<Result<void>> result_;
    std::vector<std::string> keys_;
};

TEST_F(AccountsTest, APasswordGoesToChpasswdByItsInputAlone)
{
    set_password("anna", "se:cret\xff");
    EXPECT_THAT(process().spec.arguments, ElementsAre(folder_ / "bin/chpasswd"));
    EXPECT_EQ(process().input, "anna:se:cret\xff\n");
    EXPECT_TRUE(process().input_closed);
    EXPECT_FALSE(process().spec.identity);
    for (const std::string& entry : process().spec.environment) {
        EXPECT_THAT(entry, testing::Not(HasSubstr("se:cret")));
    }
    process().exit(0);
    EXPECT_EQ(answer(), "success");
}

TEST_F(AccountsTest, AHashGoesToItAsOne)
{
    set_password("anna", "$6$salt$hash", true);
    EXPECT_EQ(process().call(), "chpasswd -e");
    process().exit(1, "chpasswd: line 1: user 'anna' does not exist\n");
    EXPECT_EQ(answer(), "child process has failed to set user password: chpasswd: line 1: user "
                        "'anna' does not exist\n");
}

TEST_F(AccountsTest, WhatChpasswdWouldTakeForSomethingElseIsRefused)
{
    for (const std::string& password : {std::string{"two\nlines"}, std::string{"nul\0rest", 8}}) {
        set_password("anna", password);
        EXPECT_EQ(answer(), "forbidden characters in raw password");
    }
    for (const std::string& user :
         {std::string{"a:b"}, std::string{"a\nb"}, std::string{"anna\0x", 6}}) {
        set_password(user, "secret");
        EXPECT_EQ(answer(), "forbidden characters in username");
    }
    EXPECT_TRUE(launcher_.all.empty());
}

TEST_F(AccountsTest, KeysAreTheBusinessOfAProcessThatIsTheUser)
{
    get("anna");
    EXPECT_THAT(process().spec.arguments, ElementsAre("/the/agent", authorized_keys_option));
    ASSERT_TRUE(process().spec.identity);
    EXPECT_EQ(process().spec.identity->user, 4711U);
    EXPECT_EQ(process().spec.identity->group, 4712U);
    EXPECT_THAT(process().spec.identity->groups, ElementsAre(4712, 27));
    const Result<KeyTask> task = decode_key_task(process().input);
    EXPECT_EQ(task->what, KeyTask::What::show);
    EXPECT_EQ(task->home, "/home/anna");
    process().exit(0, "", "algo one\nalgo two\n");
    EXPECT_THAT(keys_, ElementsAre("algo one", "algo two"));
}

TEST_F(AccountsTest, EachChangeIsHandedOn)
{
    const std::vector<std::pair<KeyChange::What, KeyTask::What>> all{
        {KeyChange::What::add, KeyTask::What::add},
        {KeyChange::What::replace, KeyTask::What::replace},
        {KeyChange::What::remove, KeyTask::What::remove}};
    for (const auto& [asked, expected] : all) {
        change("anna", asked, {"algo one", ""});
        const Result<KeyTask> task = decode_key_task(launcher_.all.back()->input);
        EXPECT_EQ(task->what, expected);
        EXPECT_THAT(task->keys, ElementsAre("algo one", ""));
        launcher_.all.back()->exit(0);
        EXPECT_EQ(answer(), "success");
    }
}

TEST_F(AccountsTest, KeysAreCheckedBeforeTheUser)
{
    change("nobody-like-that", KeyChange::What::add, {"two\nlines"});
    EXPECT_EQ(answer(), "invalid OpenSSH public key: 'two\nlines'");
    change("nobody-like-that", KeyChange::What::remove, {"two\nlines"});
    EXPECT_EQ(answer(), "invalid OpenSSH public key: 'two\nlines'");
    change("nobody-like-that", KeyChange::What::add, {std::string(2U << 20U, 'x')});
    EXPECT_EQ(answer(), "the keys are more than 1 MiB");
}

TEST_F(AccountsTest, AUserThatCannotBeFoundIsToldWithTheReason)
{
    for (const std::string& name :
         {std::string{"otto"}, std::string{}, std::string{"anna\0x", 6}}) {
        get(name);
        EXPECT_EQ(answer(), "failed to lookup user '" + name + "': no such user");
    }
    change("broken", KeyChange::What::add, {"algo one"});
    EXPECT_EQ(answer(), "failed to lookup user 'broken': cannot look up user 'broken': "
                        "Input/output error");
    EXPECT_TRUE(launcher_.all.empty());
}

TEST_F(AccountsTest, TheTasksErrorIsTheAnswer)
{
    get("anna");
    process().exit(1, "failed to read '/home/anna/.ssh/authorized_keys': Permission denied");
    EXPECT_EQ(answer(), "failed to read '/home/anna/.ssh/authorized_keys': Permission denied");
}

TEST_F(AccountsTest, AProcessOfTheUsersIsNotTrustedWithMore)
{
    get("anna");
    process().exit(1, std::string(100'000, 'x'));
    EXPECT_LT(answer().size(), 5000U);
    launcher_.all.clear();
    get("anna");
    ChildResult flood;
    flood.exit_status = 0;
    flood.out.dropped = 1;
    process().end(std::move(flood));
    EXPECT_EQ(answer(), "failed to read the SSH keys of user 'anna': too many keys");
    launcher_.all.clear();
    get("anna");
    process().die(9);
    EXPECT_EQ(answer(), "child process has terminated abnormally");
}

TEST_F(AccountsTest, AHomeThatDoesNotAnswerIsNotWaitedForForEver)
{
    get("anna");
    process().ignores_term = true; // a dead network file system
    loop_.advance(34s);
    EXPECT_EQ(answer(), "child process has failed to read the SSH keys of user 'anna': it did not "
                        "end within 30 s");
}

TEST_F(AccountsTest, NeitherIsANameService)
{
    StuckWorkers stuck;
    LinuxAccounts accounts{loop_, helpers_, stuck, settings()};
    int answers = 0;
    accounts.authorized_keys("anna", [&](const Result<std::vector<std::string>>& result) {
        ++answers;
        EXPECT_EQ(result.error().message(),
                  "failed to lookup user 'anna': the name service did not answer within 20 s");
    });
    loop_.advance(21s);
    EXPECT_EQ(answers, 1);
    stuck.kept.at(0)()(); // it comes back after all
    EXPECT_EQ(answers, 1);
    EXPECT_TRUE(launcher_.all.empty());
}

} // namespace
} // namespace frostline::system
