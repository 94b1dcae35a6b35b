// SPDX-License-Identifier: Apache-2.0
#include "hooks/hook_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::hooks {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const HookName a_name{"20-db", 20, true};

std::string complaint(const std::string& text)
{
    const Result<Hook> hook = parse_hook_file(text, "/d/20-db.hook", a_name);
    return hook ? "(fine)" : hook.error().message();
}

TEST(HookFile, ReadsEveryKey)
{
    const Result<Hook> hook =
        parse_hook_file("# what it is\n[Hook]\nDescription=a database\nType=session\n"
                        "Exec=/usr/lib/frostline/hooks/db\nUser=db\nFreezeTimeout=1500ms\n"
                        "ThawTimeout=1min\nOnFailure=continue\nConditionPathExists=/usr/bin/db\n"
                        "Filesystems=/var/lib/db; /srv/db\nEnvironment=A=1;B=x=y\n",
                        "/d/20-db.hook", a_name);
    ASSERT_TRUE(hook) << hook.error().message();
    EXPECT_EQ(hook->name, "20-db");
    EXPECT_EQ(hook->stage, 20);
    EXPECT_EQ(hook->path, "/d/20-db.hook");
    EXPECT_EQ(hook->program, "/usr/lib/frostline/hooks/db");
    EXPECT_EQ(hook->description, "a database");
    EXPECT_TRUE(hook->session);
    EXPECT_TRUE(hook->optional);
    EXPECT_EQ(hook->user, "db");
    EXPECT_EQ(hook->freeze_timeout, milliseconds{1500});
    EXPECT_EQ(hook->thaw_timeout, milliseconds{60'000});
    EXPECT_EQ(hook->condition_path, "/usr/bin/db");
    EXPECT_THAT(hook->filesystems, ElementsAre("/var/lib/db", "/srv/db"));
    EXPECT_THAT(hook->environment, ElementsAre("A=1", "B=x=y"));
}

TEST(HookFile, DefaultsAreThoseOfAProgram)
{
    const Result<Hook> hook = parse_hook_file("[Hook]\nExec=/x\nUser=\n", "/d/20-db.hook", a_name);
    ASSERT_TRUE(hook) << hook.error().message();
    EXPECT_FALSE(hook->session);
    EXPECT_FALSE(hook->optional);
    EXPECT_EQ(hook->user, "");
    EXPECT_EQ(hook->freeze_timeout, milliseconds{10'000});
    EXPECT_EQ(hook->thaw_timeout, milliseconds{10'000});
    EXPECT_THAT(hook->filesystems, IsEmpty());
}

TEST(HookFile, ComplaintsNameFileLineGroupAndKeyAndWhatIsRight)
{
    EXPECT_EQ(complaint("[Hook]\nExec=/x\nType=daemon\n"),
              "/d/20-db.hook:3: [Hook] Type: 'daemon' is no kind of hook; right are oneshot and "
              "session");
    EXPECT_THAT(complaint("[Hook]\nExec=x -y\n"),
                HasSubstr("/d/20-db.hook:2: [Hook] Exec: 'x -y' is no absolute path"));
    EXPECT_THAT(complaint("[Hook]\n"), HasSubstr(":1: [Hook] Exec is missing"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nOnFailure=ignore\n"),
                HasSubstr(":3: [Hook] OnFailure: 'ignore' is unknown; right are abort and"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nFreezeTimeout=soon\n"),
                HasSubstr(":3: [Hook] FreezeTimeout: "));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nThawTimeout=0\n"),
                HasSubstr(":3: [Hook] ThawTimeout: a hook cannot do without time"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nFilesystems=/a;b\n"),
                HasSubstr(":3: [Hook] Filesystems: 'b' is no absolute path"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nConditionPathExists=b\n"),
                HasSubstr(":3: [Hook] ConditionPathExists: 'b'"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nEnvironment=A\n"),
                HasSubstr(":3: [Hook] Environment: 'A' sets nothing; right is KEY=value"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nEnvironment=FROSTLINE_PHASE=x\n"),
                HasSubstr("FROSTLINE_PHASE is set by the agent"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\nTimeout=3\n"),
                HasSubstr(":3: [Hook] Timeout: unknown key; this group knows Description"));
    EXPECT_THAT(complaint("[Hook]\nExec=/x\n[Unit]\n"), HasSubstr(":3: [Unit] unknown group"));
    EXPECT_THAT(complaint("Exec=/x\n"), HasSubstr("/d/20-db.hook:1: expected [group]"));
    EXPECT_THAT(complaint(std::string("[Hook]\nExec=/x\0y\n", 17)), HasSubstr("not a text file"));
    EXPECT_THAT(complaint(""), HasSubstr("[Hook] Exec is missing"));
}

TEST(HookName, StageAndNameAreRead)
{
    const Result<HookName> program = parse_hook_name("07-a_B-9");
    ASSERT_TRUE(program);
    EXPECT_EQ(program->stage, 7);
    EXPECT_EQ(program->name, "07-a_B-9");
    EXPECT_FALSE(program->key_file);
    const Result<HookName> file = parse_hook_name("99-x.hook");
    ASSERT_TRUE(file);
    EXPECT_EQ(file->name, "99-x");
    EXPECT_TRUE(file->key_file);
}

TEST(HookName, EverythingElseIsNone)
{
    for (const char* name :
         {"README", "1-a", "100-a", "20a", "20-", "20-a.sh", "20-a~", "20-a.hook~", "20-a.rpmnew",
          "20-a.hook.dpkg-old", ".20-a", "20-\xc3\xa4", "20-a b", ".hook", "20-.hook", "#20-a#"}) {
        EXPECT_FALSE(parse_hook_name(name)) << name;
    }
}

} // namespace
} // namespace frostline::hooks
