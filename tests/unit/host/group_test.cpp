// SPDX-License-Identifier: Apache-2.0
#include "fakes.hpp"
#include "host/snapshot/sequence.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace frostline::host::test {
namespace {

using Log = std::vector<std::string>;

/// A guest that freezes and thaws, and writes down when.
struct FakeGuest {
    FakeGuest(std::string name, FakeWaiter& waiter, Log& log)
        : label(std::move(name)), client(transport, waiter, {})
    {
        transport.handlers["guest-info"] =
            answers(R"({"version": "0.1.0", "supported_commands": [{"name": "frostline-freeze",
                        "enabled": true, "success-response": true}]})");
        transport.handlers["frostline-freeze"] = [this,
                                                  &log](const json::Object&) -> Result<Reply> {
            log.push_back("freeze " + label);
            if (refuse) {
                return Reply{PeerError{"GenericError", "a hook failed"}};
            }
            frozen = true;
            return silent ? Result<Reply>{fail(ErrorKind::timeout, "no answer")}
                          : Reply{parsed(report(label, "consistent"))};
        };
        transport.handlers["frostline-thaw"] = [this, &log](const json::Object&) -> Result<Reply> {
            log.push_back("thaw " + label);
            frozen = false;
            return Reply{parsed(report(label, "consistent"))};
        };
        transport.handlers["frostline-status"] = [this](const json::Object&) -> Result<Reply> {
            return Reply{parsed(frozen ? R"({"state": "frozen", "id": ")" + label +
                                             R"(", "deadline-remaining-ms": 4000})"
                                       : R"({"state": "idle"})")};
        };
        EXPECT_TRUE(client.identify());
    }

    std::string label;
    FakeTransport transport;
    AgentClient client;
    bool frozen = false;
    bool refuse = false;
    bool silent = false;
};

class FakeMethod final : public SnapshotMethod {
public:
    FakeMethod(std::string label, Log& log) : label_(std::move(label)), log_(log) {}

    [[nodiscard]] std::string_view name() const override { return "fake"; }
    [[nodiscard]] std::string_view doing() const override { return "nothing"; }
    [[nodiscard]] Result<void> prepare(TimePoint) override
    {
        log_.push_back("prepare " + label_);
        return prepares ? Result<void>{} : fail(ErrorKind::io, "no room");
    }
    [[nodiscard]] Result<Answer<bool>> take(TimePoint) override
    {
        log_.push_back("take " + label_);
        if (on_take) {
            on_take();
        }
        taken_ = takes;
        return takes ? Answer<bool>{true} : Answer<bool>{PeerError{"GenericError", "refused"}};
    }
    [[nodiscard]] Result<Switch> find_out(TimePoint) override
    {
        return taken_ ? Switch::done : Switch::not_done;
    }
    [[nodiscard]] Result<void> discard(TimePoint) override
    {
        ++discarded;
        return {};
    }
    void describe(json::Object&) const override {}
    [[nodiscard]] std::string table() const override { return {}; }
    [[nodiscard]] std::string description_folder() const override { return {}; }

    bool prepares = true;
    bool takes = true;
    int discarded = 0;
    std::function<void()> on_take;

private:
    std::string label_;
    Log& log_;
    bool taken_ = false;
};

class Group : public testing::Test {
protected:
    Group()
    {
        for (const char* name : {"a", "b", "c"}) {
            guests_.emplace_back(name, waiter_, log_);
            methods_.emplace_back(name, log_);
        }
    }

    std::vector<SnapshotResult> run(OnError on_error = OnError::abort, bool shared = false)
    {
        std::vector<Participant> participants;
        for (std::size_t i = 0; i < guests_.size(); ++i) {
            participants.push_back({guests_[i].label,
                                    guests_[i].client,
                                    methods_[shared ? 0 : i],
                                    {guests_[i].label, {}, Level::app}});
        }
        std::vector<SnapshotResult> results =
            SnapshotSequence{participants, waiter_, progress_, on_error}.run();
        for (const FakeGuest& guest : guests_) {
            EXPECT_FALSE(guest.frozen) << guest.label;
        }
        return results;
    }
    static std::vector<int> statuses(const std::vector<SnapshotResult>& results)
    {
        std::vector<int> found;
        for (const SnapshotResult& result : results) {
            found.push_back(static_cast<int>(result.judgement.status));
        }
        return found;
    }

    FakeWaiter waiter_;
    NoProgress progress_;
    Log log_;
    std::deque<FakeGuest> guests_;
    std::deque<FakeMethod> methods_;
};

TEST_F(Group, AllAreFrozenWhileAllAreTakenAndThawedInReverse)
{
    for (FakeMethod& method : methods_) {
        method.on_take = [this] {
            for (const FakeGuest& guest : guests_) {
                EXPECT_TRUE(guest.frozen) << guest.label;
            }
        };
    }
    EXPECT_EQ(statuses(run()), (std::vector<int>{0, 0, 0}));
    EXPECT_EQ(log_, (Log{"prepare a", "prepare b", "prepare c", "freeze a", "freeze b", "freeze c",
                         "take a", "take b", "take c", "thaw c", "thaw b", "thaw a"}));
}

TEST_F(Group, OneMethodForAllIsAskedOnce)
{
    EXPECT_EQ(statuses(run(OnError::abort, true)), (std::vector<int>{0, 0, 0}));
    EXPECT_EQ(log_, (Log{"prepare a", "freeze a", "freeze b", "freeze c", "take a", "thaw c",
                         "thaw b", "thaw a"}));
}

TEST_F(Group, OneThatCannotBePreparedFreezesNobody)
{
    methods_[1].prepares = false;
    const std::vector<SnapshotResult> results = run();
    EXPECT_EQ(statuses(results), (std::vector<int>{4, 4, 4}));
    EXPECT_EQ(log_, (Log{"prepare a", "prepare b"}));
    EXPECT_EQ(results[1].problem, "no room");
    EXPECT_EQ(results[0].problem, "given up because of b");
    EXPECT_TRUE(results[0].collateral);
    EXPECT_FALSE(results[1].collateral);
    EXPECT_GE(methods_[0].discarded, 1);
}

TEST_F(Group, OneThatRefusesToFreezeEndsItForAll)
{
    guests_[1].refuse = true;
    const std::vector<SnapshotResult> results = run();
    EXPECT_EQ(statuses(results), (std::vector<int>{4, 3, 4}));
    EXPECT_EQ(log_, (Log{"prepare a", "prepare b", "prepare c", "freeze a", "freeze b", "thaw a"}));
    EXPECT_TRUE(results[0].collateral);
    for (const FakeMethod& method : methods_) {
        EXPECT_GE(method.discarded, 1);
    }
}

TEST_F(Group, OrIsLeftOut)
{
    guests_[1].refuse = true;
    const std::vector<SnapshotResult> results = run(OnError::skip);
    EXPECT_EQ(statuses(results), (std::vector<int>{0, 3, 0}));
    EXPECT_EQ(methods_[0].discarded, 0);
    EXPECT_EQ(methods_[1].discarded, 1);
}

TEST_F(Group, OneThatDoesNotAnswerIsThawedLikeTheOthers)
{
    guests_[2].silent = true;
    EXPECT_EQ(statuses(run()), (std::vector<int>{4, 4, 3}));
    EXPECT_EQ((Log{log_.end() - 3, log_.end()}), (Log{"thaw c", "thaw b", "thaw a"}));
}

TEST_F(Group, AfterARefusedSwitchNothingMoreIsTaken)
{
    methods_[1].takes = false;
    const std::vector<SnapshotResult> results = run();
    EXPECT_EQ(statuses(results), (std::vector<int>{0, 4, 4}));
    EXPECT_TRUE(results[0].kept);
    EXPECT_FALSE(results[2].kept);
    EXPECT_TRUE(results[2].collateral);
    EXPECT_EQ(methods_[0].discarded, 0);
    EXPECT_EQ(methods_[2].discarded, 1);
}

TEST_F(Group, OneThatIsThawedBySomebodyElseIsFoundBeforeTheSwitch)
{
    const FakeTransport::Handler freeze = guests_[2].transport.handlers["frostline-freeze"];
    guests_[2].transport.handlers["frostline-freeze"] =
        [this, freeze](const json::Object& arguments) -> Result<Reply> {
        guests_[0].frozen = false;
        return freeze(arguments);
    };
    const std::vector<SnapshotResult> results = run();
    EXPECT_NE(results[0].problem.find("not in force any more"), std::string::npos);
    EXPECT_EQ(std::count(log_.begin(), log_.end(), "take a"), 0);
    EXPECT_EQ(std::count(log_.begin(), log_.end(), "take b"), 0);
}

} // namespace
} // namespace frostline::host::test
