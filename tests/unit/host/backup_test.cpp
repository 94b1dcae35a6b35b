// SPDX-License-Identifier: Apache-2.0
#include "fakes.hpp"
#include "host/qmp/qmp_backup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace frostline::host::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

struct FakeJob {
    std::string status;
    int done = 0;
    std::string error{};
};

class Backup : public testing::Test {
protected:
    Backup()
    {
        qemu_.failures["query-jobs"] = [this](const json::Object&) -> Result<Reply> {
            if (on_query) {
                on_query();
            }
            return Reply{parsed(list())};
        };
        qemu_.failures["job-cancel"] = [this](const json::Object& arguments) -> Result<Reply> {
            jobs_[*arguments.find("id")->as_string()].status = "concluded";
            return Reply{json::Value{json::Object{}}};
        };
        qemu_.failures["job-dismiss"] = [this](const json::Object& arguments) -> Result<Reply> {
            jobs_.erase(*arguments.find("id")->as_string());
            return Reply{json::Value{json::Object{}}};
        };
    }
    QmpBackup make(bool incremental = false)
    {
        return {qemu_, files_, {{"one", "web", "/backups", incremental}, "", "fl", Millis{1000}}};
    }
    TimePoint later() { return waiter_.now() + Millis{10'000}; }

    std::string list() const
    {
        std::string text;
        for (const auto& [id, job] : jobs_) {
            text +=
                (text.empty() ? "" : ", ") + (R"({"id": ")" + id) +
                R"(", "type": "backup", "status": ")" + job.status + R"(", "current-progress": )" +
                std::to_string(job.done) + R"(, "total-progress": 100)" +
                (job.error.empty() ? std::string{} : R"(, "error": ")" + job.error + "\"") + "}";
        }
        return "[" + text + "]";
    }
    /// From now on each disk has the mark.
    void mark()
    {
        qemu_.failures["query-named-block-nodes"] = answers(
            R"([{"node-name": "base-disk0", "dirty-bitmaps": [{"name": "frostline-one"}]},
                {"node-name": "base-disk1", "dirty-bitmaps": [{"name": "other"},
                {"name": "frostline-one"}]}, {"node-name": "another"}])");
    }

    FakeWaiter waiter_;
    NoProgress progress_;
    FakeMonitor qemu_;
    FakeFiles files_;
    std::map<std::string, FakeJob> jobs_;
    std::function<void()> on_query;
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
    jobs_["fl-0"] = {"running", 1};
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::unknown);
    jobs_["fl-1"] = {"concluded", 100};
    EXPECT_EQ(method.find_out(later()).value(), SnapshotMethod::Switch::done);
}

TEST_F(Backup, ItIsWholeWhenAllCopiesAre)
{
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.take(later()));
    int asked = 0;
    jobs_ = {{"fl-0", {"running", 50}}, {"fl-1", {"concluded", 100}}, {"other", {"running", 1}}};
    on_query = [&] {
        if (++asked == 3) {
            jobs_["fl-0"].status = "concluded";
        }
    };
    const Result<std::string> finished = method.finish(waiter_, progress_);
    ASSERT_TRUE(finished) << finished.error().message();
    EXPECT_EQ(*finished, "");
    EXPECT_GE(asked, 3);
    EXPECT_TRUE(qemu_.added.empty());
    EXPECT_EQ(jobs_.size(), 1U); // somebody else's
}

TEST_F(Backup, OneCopyThatFailsEndsAllAndLeavesNothing)
{
    const std::set<std::string> before = files_.paths;
    QmpBackup method = make();
    ASSERT_TRUE(method.prepare(later()));
    ASSERT_TRUE(method.take(later()));
    jobs_ = {{"fl-0", {"concluded", 3, "No space left on device"}}, {"fl-1", {"running", 5}}};
    mark();
    EXPECT_THAT(method.finish(waiter_, progress_).error().message(),
                HasSubstr("No space left on device"));
    const Result<void> discarded = method.discard(later());
    EXPECT_TRUE(discarded) << discarded.error().message();
    EXPECT_THAT(qemu_.calls, Contains("job-cancel").Times(1));
    EXPECT_TRUE(jobs_.empty());
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
    QmpBackup method = make(true);
    EXPECT_THAT(method.prepare(later()).error().message(), HasSubstr("make a whole one first"));
}

} // namespace
} // namespace frostline::host::test
