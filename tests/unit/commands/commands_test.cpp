// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"
#include "commands/report_json.hpp"
#include "common/json/write.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::commands {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Keeps what it is asked; the test answers.
class FakeSession final : public freeze::Session {
public:
    void freeze(freeze::Request asked, std::function<void(Result<freeze::Frozen>)> done) override
    {
        request = std::move(asked);
        freeze_done = std::move(done);
    }
    void thaw(std::optional<std::string> id, freeze::ThawWait how,
              std::function<void(Result<freeze::Thawed>)> done) override
    {
        thaw_id = std::move(id);
        wait = how;
        thaw_done = std::move(done);
    }
    void abandon(const std::string& reason) override { abandoned = reason; }
    void host_lost(const std::string& /*reason*/) override {}
    void call_off(const std::string& /*reason*/, std::function<void()> released) override
    {
        released();
    }
    void shutdown(std::function<void()> done) override { done(); }
    [[nodiscard]] freeze::Status status() const override { return now; }

    freeze::Status now;
    std::optional<freeze::Request> request;
    std::optional<std::string> thaw_id;
    std::optional<freeze::ThawWait> wait;
    std::string abandoned;
    std::function<void(Result<freeze::Frozen>)> freeze_done;
    std::function<void(Result<freeze::Thawed>)> thaw_done;
};

class FakeQuiescer final : public hooks::Quiescer {
public:
    void prepare(hooks::QuiesceRequest, Prepared) override {}
    void recover(std::string, std::vector<hooks::OwedHook>, Prepared) override {}
    void list(bool check,
              std::function<void(Result<std::vector<hooks::HookListing>>)> done) override
    {
        checked = check;
        done(std::vector<hooks::HookListing>{});
    }
    std::optional<bool> checked;
};

class CommandsTest : public testing::Test {
protected:
    CommandsTest()
    {
        add_protocol(registry_,
                     [](const rpc::Command& command) { return command.name != "guest-ping"; });
        add_fsfreeze(registry_, session_);
        add_frostline(registry_, session_, quiescer_);
    }
    rpc::Call ask(const std::string& name, json::Object arguments = {})
    {
        rpc::Call call{[this](Result<json::Value> result) {
            answer_ = result ? json::write(*result) : "error: " + result.error().message();
        }};
        registry_.find(name)->run(json::Value{std::move(arguments)}, call);
        return call;
    }

    FakeSession session_;
    FakeQuiescer quiescer_;
    rpc::Registry registry_;
    std::string answer_;
};

TEST_F(CommandsTest, InfoListsTheLastRegisteredFirstWithExactlyThreeKeys)
{
    ask("guest-info");
    EXPECT_LT(answer_.find("frostline-list-hooks"), answer_.find("guest-sync-delimited"));
    EXPECT_THAT(answer_, HasSubstr("\"guest-ping\", \"enabled\": false"));
}

TEST_F(CommandsTest, TheStandardListIgnoresUnknownMountPointsAndOursDoesNot)
{
    ask("guest-fsfreeze-freeze-list", {{"mountpoints", json::Array{json::Value{"/a"}}}});
    EXPECT_FALSE(session_.request->unknown_mount_point_is_error);
    EXPECT_EQ(session_.request->mount_points->front(), "/a");
    ask("frostline-freeze", {{"deadline-ms", 500}, {"hooks", false}});
    EXPECT_TRUE(session_.request->unknown_mount_point_is_error);
    EXPECT_EQ(session_.request->deadline, 500ms);
    EXPECT_FALSE(session_.request->hooks);
}

TEST_F(CommandsTest, ADeadlineOfNothingIsRefused)
{
    ask("frostline-freeze", {{"deadline-ms", 0}});
    EXPECT_THAT(answer_, HasSubstr("deadline-ms must be above 0"));
    EXPECT_FALSE(session_.request);
}

TEST_F(CommandsTest, OnlyTheAskerOfAFreezeCallsItOff)
{
    ask("guest-fsfreeze-freeze").cancel("gave up");
    EXPECT_EQ(session_.abandoned, "gave up");
    session_.abandoned.clear();
    session_.now.state = freeze::State::quiescing;
    ask("frostline-freeze", {{"id", "other"}}).cancel("gave up");
    EXPECT_EQ(session_.abandoned, "");
}

TEST_F(CommandsTest, ThawsWaitForAsMuchAsTheyPromise)
{
    ask("guest-fsfreeze-thaw");
    EXPECT_EQ(session_.wait, freeze::ThawWait::released);
    session_.thaw_done(freeze::Thawed{3, {}});
    EXPECT_EQ(answer_, "3");
    ask("frostline-thaw", {{"id", "x"}});
    EXPECT_EQ(session_.wait, freeze::ThawWait::hooks);
    EXPECT_EQ(session_.thaw_id, "x");
}

TEST_F(CommandsTest, HooksAreNotCheckedWhileAFreezeIsInForce)
{
    session_.now.state = freeze::State::frozen;
    ask("frostline-list-hooks", {{"check", true}});
    EXPECT_THAT(answer_, HasSubstr("cannot be checked while a freeze is in force"));
    ask("frostline-list-hooks");
    EXPECT_EQ(answer_, "[]");
}

TEST(ReportOnTheWire, CountsFromTheStart)
{
    freeze::Report report;
    report.id = "one";
    report.outcome = freeze::Outcome::expired;
    report.started = std::chrono::system_clock::time_point{} + 1500ms;
    report.started_at = system::EventLoop::TimePoint{10s};
    hooks::HookRecord hook;
    hook.name = "50-db";
    hook.phase = hooks::HookPhase::hold;
    hook.result = hooks::HookResult::timed_out;
    hook.start = system::EventLoop::TimePoint{12s};
    hook.duration = 3ms;
    report.hooks.push_back(hook);
    const qapi::FreezeReport out = to_wire(report);
    EXPECT_EQ(out.started, "1970-01-01T00:00:01.500000Z");
    EXPECT_EQ(out.outcome, qapi::FreezeOutcome::expired);
    EXPECT_EQ(out.hooks[0].start_us, 2'000'000);
    EXPECT_EQ(out.hooks[0].duration_us, 3000);
    EXPECT_EQ(out.hooks[0].result, qapi::HookResult::timed_out);
    EXPECT_EQ(out.hooks[0].stderr_, std::nullopt);
    EXPECT_EQ(out.hooks[0].stdout_, std::nullopt);
}

TEST(ReportOnTheWire, HasRoomForHalfAMebibyteOfWhatHooksSay)
{
    freeze::Report report;
    hooks::HookRecord hook;
    hook.standard_error = "one";
    hook.standard_output = std::string((512U << 10U) - 6, 'x');
    report.hooks.push_back(hook);
    hook.standard_error = "a\u00e4\u00e4";
    hook.standard_output = "two";
    report.hooks.push_back(hook);
    const qapi::FreezeReport out = to_wire(report);
    EXPECT_EQ(out.hooks[0].stderr_, "one");
    EXPECT_EQ(out.hooks[0].stdout_->size(), (512U << 10U) - 6);
    // Three bytes are left, two letters.
    EXPECT_EQ(out.hooks[1].stderr_, "a\u00e4\n[2 bytes left out: the reply is full]");
    EXPECT_EQ(out.hooks[1].stdout_, "\n[3 bytes left out: the reply is full]");
}

} // namespace
} // namespace frostline::commands
