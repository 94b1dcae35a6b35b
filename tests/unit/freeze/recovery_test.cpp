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
    store.saved = RunState{"backup-1", {{"/data", makedev(254, 2)}}, {"10-db", "20-app"}};
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
    store.saved = RunState{"backup-1", {{"/data", makedev(254, 2)}}, {}};
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
}

} // namespace
} // namespace frostline::freeze
