// SPDX-License-Identifier: Apache-2.0
#include "fakes.hpp"
#include "host/qmp/qmp_backup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::host::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Backup : public testing::Test {
protected:
    Backup()
    {
        qemu_.failures["query-jobs"] = [this](const json::Object&) -> Result<Reply> {
            return Reply{parsed(jobs_)};
        };
    }
    QmpBackup make()
    {
        return {qemu_, files_, {{"one", "web", "/backups", false}, "", "fl", Millis{1000}}};
    }
    TimePoint later() { return waiter_.now() + Millis{10'000}; }

    static std::string job(int index, const std::string& status, int done,
                           const std::string& error = {})
    {
        return R"({"id": "fl-)" + std::to_string(index) + R"(", "type": "backup", "status": ")" +
               status + R"(", "current-progress": )" + std::to_string(done) +
               R"(, "total-progress": 100)" +
               (error.empty() ? std::string{} : R"(, "error": ")" + error + "\"") + "}";
    }

    FakeWaiter waiter_;
    NoProgress progress_;
    FakeMonitor qemu_;
    FakeFiles files_;
    std::string jobs_ = "[]";
};

TEST_F(Backup, OneTransactionMarksTheMomentAndStartsAllCopies)
{
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_EQ(qemu_.added, (std::vector<std::string>{"fl-0", "fl-1"}));
    EXPECT_TRUE(files_.exists("/backups/web.disk0.one.qcow2"));
    EXPECT_TRUE(files_.exists("/backups/one.web.frostline.json"));
    qemu_.calls.clear();
    ASSERT_TRUE(method.take(later())->good());
    EXPECT_EQ(qemu_.calls, std::vector<std::string>{"transaction"});
    EXPECT_THAT(qemu_.transaction,
                HasSubstr(R"({"type": "block-dirty-bitmap-add", "data": {"node": "base-disk0", )"
                          R"("name": "frostline-one", "persistent": true}})"));
    EXPECT_THAT(qemu_.transaction, HasSubstr(R"("persistent": false)")); // the raw one
    EXPECT_THAT(qemu_.transaction, HasSubstr(R"("job-id": "fl-1", "device": "base-disk1", )"
                                             R"("target": "fl-1", "auto-dismiss": false, )"
                                             R"("sync": "full")"));
}

TEST_F(Backup, WhatHasBegunIsFoundOutByItsJobs)
{
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::not_done);
    jobs_ = "[" + job(0, "running", 1) + "]";
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::unknown);
    jobs_ = "[" + job(0, "running", 1) + ", " + job(1, "concluded", 100) + "]";
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::done);
}

TEST_F(Backup, ItIsWholeWhenAllCopiesAre)
{
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.take(later()));
    int asked = 0;
    qemu_.failures["query-jobs"] = [&](const json::Object&) -> Result<Reply> {
        return Reply{parsed("[" + job(0, ++asked > 2 ? "concluded" : "running", 50) + ", " +
                            job(1, "concluded", 100) + "]")};
    };
    const Result<std::string> finished = method.finish(waiter_, progress_);
    ASSERT_TRUE(finished) << finished.error().message();
    EXPECT_EQ(*finished, "");
    EXPECT_EQ(asked, 3);
    EXPECT_TRUE(qemu_.added.empty());
    EXPECT_THAT(qemu_.calls, Contains("job-dismiss").Times(2));
}

TEST_F(Backup, OneCopyThatFailsEndsAllAndLeavesNothing)
{
    const std::set<std::string> before = files_.paths;
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.take(later()));
    jobs_ =
        "[" + job(0, "concluded", 3, "No space left on device") + ", " + job(1, "running", 5) + "]";
    EXPECT_THAT(method.finish(waiter_, progress_).error().message(),
                HasSubstr("No space left on device"));
    jobs_ = "[]";
    const Result<void> discarded = method.discard(later());
    EXPECT_TRUE(discarded) << discarded.error().message();
    EXPECT_THAT(qemu_.calls, Contains("job-cancel").Times(2));
    EXPECT_THAT(qemu_.calls, Contains("block-dirty-bitmap-remove").Times(2));
    EXPECT_TRUE(qemu_.added.empty());
    EXPECT_EQ(files_.paths, before);
}

TEST_F(Backup, JobsThatHaveGoneAreNoSuccess)
{
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.take(later()));
    EXPECT_THAT(method.finish(waiter_, progress_).error().message(), HasSubstr("have gone"));
}

TEST_F(Backup, WithoutRoomNothingBegins)
{
    files_.space = 1048576;
    const std::set<std::string> before = files_.paths;
    QmpBackup method = make();
    EXPECT_THAT(method.prepare(later()).error().message(), HasSubstr("only 1 MiB free"));
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(files_.paths, before);
}

TEST_F(Backup, WithoutAnEarlierOneNothingIsIncremental)
{
    QmpBackup method{qemu_, files_, {{"one", "web", "/backups", true}, "", "fl", Millis{1000}}};
    EXPECT_THAT(method.prepare(later()).error().message(), HasSubstr("make a whole one first"));
}

} // namespace
} // namespace frostline::host::test
