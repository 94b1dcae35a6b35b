// SPDX-License-Identifier: Apache-2.0
#include "fakes.hpp"
#include "host/snapshot/commit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::host::test {
namespace {

using testing::HasSubstr;

class FakeCommitter final : public Committer {
public:
    [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>>
    current(TimePoint) override
    {
        return std::vector<std::pair<std::string, std::string>>{files.begin(), files.end()};
    }
    [[nodiscard]] Result<void> check_idle(TimePoint) override
    {
        return idle ? Result<void>{} : fail(ErrorKind::busy, "a job");
    }
    [[nodiscard]] Result<void> start(const CommitDisk& disk, TimePoint) override
    {
        log.push_back("start " + disk.label);
        job = {0, 100, false, false};
        return {};
    }
    [[nodiscard]] Result<CommitState> state(const CommitDisk& disk, TimePoint) override
    {
        if (disk.label == dies) {
            job.gone = true;
        } else if (!job.gone && disk.label != stays) {
            job.done += 50;
            job.ready = job.done >= job.total;
        }
        return job;
    }
    [[nodiscard]] Result<void> pivot(const CommitDisk& disk, TimePoint) override
    {
        log.push_back("pivot " + disk.label);
        if (disk.label == refuses) {
            return fail(ErrorKind::io, "not ready for pivot yet");
        }
        job.gone = true;
        if (disk.label != lies) {
            files[disk.label] = disk.base;
        }
        return {};
    }
    [[nodiscard]] Result<void> tidy(const CommitDisk& disk, TimePoint) override
    {
        log.push_back("tidy " + disk.label);
        return {};
    }
    [[nodiscard]] Result<void> cancel(const CommitDisk& disk, TimePoint) override
    {
        log.push_back("cancel " + disk.label);
        return {};
    }

    std::map<std::string, std::string> files{{"a", "/i/a.one.qcow2"}, {"b", "/i/b.one.qcow2"}};
    CommitState job;
    bool idle = true;
    std::string dies;    ///< the disk whose job ends early
    std::string stays;   ///< the one whose job is never ready
    std::string lies;    ///< the one that is not switched
    std::string refuses; ///< the one whose switch is an error
    std::vector<std::string> log;
};

/// Ends a wait as a signal does, after so many of them.
class InterruptedWaiter final : public Waiter {
public:
    [[nodiscard]] TimePoint now() const override { return now_; }
    [[nodiscard]] Result<void> wait(int, short, TimePoint) override { return {}; }
    [[nodiscard]] Result<void> pause(Millis duration) override
    {
        now_ += duration;
        return --left > 0 || shielded_ ? Result<void>{} : fail(ErrorKind::cancelled, "interrupted");
    }
    [[nodiscard]] std::optional<int> stopped_by() override { return std::nullopt; }
    void set_shielded(bool shielded) override { shielded_ = shielded; }
    [[nodiscard]] bool shielded() const override { return shielded_; }

    int left = 1'000'000;

private:
    TimePoint now_{std::chrono::hours{1}};
    bool shielded_ = false;
};

class Commits : public testing::Test {
protected:
    Commits()
    {
        files_.paths = {"/i/a.img", "/i/b.img", "/i/a.one.qcow2", "/i/b.one.qcow2",
                        "/i/one.frostline.json"};
    }
    CommitResult run()
    {
        return Commit{committer_, files_, waiter_, progress_, Millis{1000}}.run(
            {{"a", "/i/a.img", "/i/a.one.qcow2"}, {"b", "/i/b.img", "/i/b.one.qcow2"}},
            "/i/one.frostline.json");
    }

    FakeCommitter committer_;
    FakeFiles files_;
    InterruptedWaiter waiter_;
    NoProgress progress_;
};

TEST_F(Commits, OneDiskAfterTheOther)
{
    const CommitResult result = run();
    EXPECT_TRUE(result.good) << result.problem;
    EXPECT_EQ(committer_.log, (std::vector<std::string>{"start a", "pivot a", "tidy a", "start b",
                                                        "pivot b", "tidy b"}));
    EXPECT_EQ(files_.paths, (std::set<std::string>{"/i/a.img", "/i/b.img"}));
}

TEST_F(Commits, NothingIsTouchedUnlessAllCanBeFolded)
{
    committer_.files["b"] = "/i/b.two.qcow2";
    EXPECT_THAT(run().problem, HasSubstr("fold the later snapshot back first"));
    committer_.files.erase("b");
    EXPECT_THAT(run().problem, HasSubstr("no disk b any more"));
    committer_.files["b"] = "/i/b.one.qcow2";
    committer_.idle = false;
    EXPECT_THAT(run().problem, HasSubstr("a job"));
    EXPECT_TRUE(committer_.log.empty());
    EXPECT_EQ(files_.paths.size(), 5U);
}

TEST_F(Commits, AnInterruptCancelsTheJobAndKeepsTheOverlay)
{
    committer_.stays = "b";
    waiter_.left = 10;
    const CommitResult result = run();
    EXPECT_FALSE(result.good);
    EXPECT_EQ(committer_.log.back(), "cancel b");
    EXPECT_TRUE(files_.exists("/i/b.one.qcow2"));
    EXPECT_FALSE(files_.exists("/i/a.one.qcow2"));
    EXPECT_TRUE(files_.exists("/i/one.frostline.json"));
    // The next run goes on from there.
    committer_.stays.clear();
    waiter_.left = 1000;
    const CommitResult second = run();
    EXPECT_TRUE(second.good) << second.problem;
    EXPECT_EQ(second.rows[0].result, "was folded back already");
    EXPECT_FALSE(files_.exists("/i/one.frostline.json"));
}

TEST_F(Commits, AJobThatEndsEarlyIsNoSuccess)
{
    committer_.dies = "a";
    const CommitResult result = run();
    EXPECT_THAT(result.problem, HasSubstr("ended before all was written"));
    EXPECT_TRUE(files_.exists("/i/a.one.qcow2"));
}

TEST_F(Commits, AJobThatCannotSwitchIsNotLeftBehind)
{
    committer_.refuses = "a";
    const CommitResult result = run();
    EXPECT_THAT(result.problem, HasSubstr("not ready for pivot yet"));
    EXPECT_EQ(committer_.log, (std::vector<std::string>{"start a", "pivot a", "cancel a"}));
    EXPECT_TRUE(files_.exists("/i/a.one.qcow2"));
}

TEST_F(Commits, AnOverlayThatIsStillInUseIsNeverRemoved)
{
    committer_.lies = "a";
    const CommitResult result = run();
    EXPECT_THAT(result.problem, HasSubstr("the guest still writes to /i/a.one.qcow2"));
    EXPECT_TRUE(files_.exists("/i/a.one.qcow2"));
    EXPECT_TRUE(files_.exists("/i/b.one.qcow2"));
}

} // namespace
} // namespace frostline::host::test
