// SPDX-License-Identifier: Apache-2.0
#include "session_fixture.hpp"

namespace frostline::freeze {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RecoveryTest : public SessionTest {
protected:
    void recover()
    {
        session->recover([this] { ++recovered; });
        settle();
    }
    int recovered = 0;
};

TEST_F(RecoveryTest, NothingLeftBehindIsNothingToDo)
{
    recover();
    EXPECT_EQ(recovered, 1);
    EXPECT_THAT(journal, IsEmpty());
    freeze();
    EXPECT_TRUE(*frozen);
}

TEST_F(RecoveryTest, ThawsExactlyWhatWasFrozenThenRunsTheOwedHooks)
{
    store.saved = RunState{"backup-1", {{"/data", makedev(254, 2)}}, {{"10-db"}, {"20-app"}}};
    kernel.frozen = {"/data", "/"}; // "/" is somebody else's
    recover();
    EXPECT_EQ(recovered, 1);
    EXPECT_THAT(kernel.frozen, ElementsAre("/"));
    EXPECT_THAT(quiet_hooks.recovered, ElementsAre("10-db", "20-app"));
    EXPECT_LT(when("thaw /data"), when("thaw hooks"));
    EXPECT_FALSE(store.saved);
    EXPECT_EQ(session->status().last->outcome, Outcome::recovered);
}

TEST_F(RecoveryTest, TheNextThawHearsOfIt)
{
    store.saved = RunState{"backup-1", {{"/data", makedev(254, 2)}}, {}, true};
    recover();
    thaw(ThawWait::released, "backup-1");
    ASSERT_FALSE(*thawed);
    EXPECT_THAT(thawed->error().message(), HasSubstr("fsfreeze is limited"));
}

TEST_F(RecoveryTest, FindsTheFileSystemUnderAnotherMountPoint)
{
    store.saved = RunState{"backup-1", {{"/old-place", makedev(254, 2)}}, {}};
    kernel.frozen = {"/data"};
    recover();
    EXPECT_THAT(kernel.frozen, IsEmpty());
}

TEST_F(RecoveryTest, LeavesAnotherFileSystemAtTheSameMountPointAlone)
{
    store.saved = RunState{"backup-1", {{"/data", makedev(8, 99)}}, {}};
    kernel.frozen = {"/data"};
    recover();
    EXPECT_THAT(kernel.frozen, ElementsAre("/data"));
}

TEST_F(RecoveryTest, AStuckThawDoesNotHoldUpTheStart)
{
    store.saved = RunState{"backup-1", {{"/data", makedev(254, 2)}}, {}};
    kernel.frozen = {"/data"};
    kernel.stuck_thaw = {"/data"};
    recover();
    EXPECT_EQ(recovered, 0);
    pass(5s);
    EXPECT_EQ(recovered, 1);
    ASSERT_TRUE(store.saved) << "it is still to be thawed";
    freeze();
    ASSERT_FALSE(*frozen);
    EXPECT_EQ(frozen->error().kind(), ErrorKind::busy);
    workers.come_back();
    settle();
    EXPECT_FALSE(store.saved);
    freeze();
    EXPECT_TRUE(*frozen);
}

TEST_F(RecoveryTest, AFreezeThatWasNeverGrantedIsNoNewsForTheHost)
{
    store.saved = RunState{"backup-1", {}, {{"10-db"}}};
    recover();
    EXPECT_THAT(quiet_hooks.recovered, ElementsAre("10-db"));
    EXPECT_FALSE(store.saved);
    thaw();
    ASSERT_TRUE(*thawed);
    EXPECT_EQ((*thawed)->count, 0);
}

TEST_F(RecoveryTest, HooksThatStillOweStayOnRecordAndVisible)
{
    store.saved = RunState{"backup-1", {}, {{"10-db"}, {"20-app"}}, true};
    quiet_hooks.owed_after_thaw = {"20-app"};
    recover();
    EXPECT_THAT(session->status().owed_hooks, ElementsAre("20-app"));
    EXPECT_EQ(session->status().state, State::idle);
    thaw(); // hears of the lapse, which then is struck from the record
    ASSERT_TRUE(store.saved);
    EXPECT_FALSE(store.saved->lapse);
    ASSERT_EQ(store.saved->hooks.size(), 1U);
    EXPECT_EQ(store.saved->hooks[0].name, "20-app");
}

TEST_F(RecoveryTest, ShutdownWaitsForItsHooks)
{
    store.saved = RunState{"backup-1", {}, {{"10-db"}}};
    quiet_hooks.automatic = false;
    recover();
    EXPECT_EQ(recovered, 1);
    bool down = false;
    session->shutdown([&down] { down = true; });
    settle();
    EXPECT_FALSE(down);
    quiet_hooks.finish_thaw();
    settle();
    EXPECT_TRUE(down);
}

} // namespace
} // namespace frostline::freeze
