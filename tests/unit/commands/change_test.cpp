// SPDX-License-Identifier: Apache-2.0
// The commands that change the guest, over fakes of what they ask.
#include "commands/commands.hpp"
#include "common/json/write.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace frostline::commands {
namespace {

using namespace std::chrono_literals;

/// Knows a state, and how to call a freeze off.
class FakeSession final : public freeze::Session {
public:
    void freeze(freeze::Request, std::function<void(Result<freeze::Frozen>)>) override {}
    void thaw(std::optional<std::string>, freeze::ThawWait,
              std::function<void(Result<freeze::Thawed>)>) override
    {}
    void abandon(const std::string&) override {}
    void host_lost(const std::string&) override {}
    void call_off(const std::string& reason, std::function<void()> released) override
    {
        called_off = reason;
        on_released = std::move(released);
    }
    void shutdown(std::function<void()>) override {}
    [[nodiscard]] freeze::Status status() const override { return now; }

    freeze::Status now;
    std::string called_off;
    std::function<void()> on_released;
};

class FakePower final : public system::Power {
public:
    void shut_down(system::ShutdownMode mode, Done done) override
    {
        shutdown = mode;
        finish = std::move(done);
    }
    void suspend(system::SuspendMode mode, Done done) override
    {
        suspended = mode;
        finish = std::move(done);
    }
    std::optional<system::ShutdownMode> shutdown;
    std::optional<system::SuspendMode> suspended;
    Done finish;
};

class FakeClockSetter final : public system::ClockSetter {
public:
    void set(std::chrono::microseconds since_epoch, Done done) override
    {
        time = since_epoch;
        done({});
    }
    void set_from_hardware(Done done) override
    {
        from_hardware = true;
        done({});
    }
    std::optional<std::chrono::microseconds> time;
    bool from_hardware = false;
};

class FakeAccounts final : public system::Accounts {
public:
    void set_password(system::PasswordChange asked, Done done) override
    {
        password = std::move(asked);
        done({});
    }
    void authorized_keys(const std::string& name, Keys done) override
    {
        user = name;
        done(std::vector<std::string>{"algo one", "algo two"});
    }
    void change_authorized_keys(const std::string& name, system::KeyChange asked,
                                Done done) override
    {
        user = name;
        change = std::move(asked);
        done({});
    }
    system::PasswordChange password;
    std::string user;
    system::KeyChange change;
};

class ChangeTest : public testing::Test {
protected:
    ChangeTest()
    {
        add_power(registry_, session_, power_);
        add_set_time(registry_, clock_);
        add_accounts(registry_, accounts_);
    }
    std::string ask(const std::string& name, json::Object arguments = {})
    {
        answer_ = "none";
        const rpc::Call call{[this](Result<json::Value> result) {
            answer_ = result ? json::write(*result) : "error: " + result.error().message();
        }};
        registry_.find(name)->run(json::Value{std::move(arguments)}, call);
        return answer_;
    }

    FakeSession session_;
    FakePower power_;
    FakeClockSetter clock_;
    FakeAccounts accounts_;
    rpc::Registry registry_;
    std::string answer_;
};

TEST_F(ChangeTest, ShutdownThawsFirstAndTellsOnlyOfFailure)
{
    EXPECT_FALSE(registry_.find("guest-shutdown")->success_response);
    EXPECT_TRUE(registry_.find("guest-shutdown")->allowed_while_frozen);
    ask("guest-shutdown");
    EXPECT_EQ(session_.called_off, "the guest was told to shut down");
    EXPECT_FALSE(power_.shutdown);
    session_.on_released();
    EXPECT_EQ(power_.shutdown, system::ShutdownMode::powerdown);
    EXPECT_EQ(answer_, "none");
    power_.finish(fail(ErrorKind::io, "refused"));
    EXPECT_EQ(answer_, "error: refused");
}

TEST_F(ChangeTest, ShutdownKnowsThreeModes)
{
    ask("guest-shutdown", {{"mode", "powerdown"}});
    session_.on_released();
    EXPECT_EQ(power_.shutdown, system::ShutdownMode::powerdown);
    ask("guest-shutdown", {{"mode", "halt"}});
    session_.on_released();
    EXPECT_EQ(power_.shutdown, system::ShutdownMode::halt);
    ask("guest-shutdown", {{"mode", "reboot"}});
    session_.on_released();
    EXPECT_EQ(power_.shutdown, system::ShutdownMode::reboot);
}

TEST_F(ChangeTest, AnotherModeIsRefusedAndThawsNothing)
{
    EXPECT_EQ(ask("guest-shutdown", {{"mode", "explode"}}),
              "error: mode is invalid (valid values are: halt|powerdown|reboot");
    EXPECT_EQ(session_.called_off, "");
}

TEST_F(ChangeTest, SuspendsInTheModeOfItsName)
{
    const std::vector<std::pair<std::string, system::SuspendMode>> all{
        {"guest-suspend-disk", system::SuspendMode::disk},
        {"guest-suspend-ram", system::SuspendMode::ram},
        {"guest-suspend-hybrid", system::SuspendMode::hybrid}};
    for (const auto& [name, mode] : all) {
        EXPECT_FALSE(registry_.find(name)->success_response);
        EXPECT_FALSE(registry_.find(name)->allowed_while_frozen);
        EXPECT_EQ(ask(name), "none");
        EXPECT_EQ(power_.suspended, mode);
    }
}

TEST_F(ChangeTest, NothingIsSuspendedUnderAFreezeThatIsOnItsWay)
{
    session_.now.state = freeze::State::quiescing;
    EXPECT_EQ(ask("guest-suspend-ram"),
              "error: the guest cannot be suspended while a freeze is under way");
    EXPECT_FALSE(power_.suspended);
}

TEST_F(ChangeTest, TimeIsCutToMicrosecondsTowardZero)
{
    EXPECT_EQ(ask("guest-set-time", {{"time", std::int64_t{1'500'000'000'123'456'789}}}), "{}");
    EXPECT_EQ(clock_.time, 1'500'000'000'123'456us);
    ask("guest-set-time", {{"time", -1}});
    EXPECT_EQ(clock_.time, 0us);
}

TEST_F(ChangeTest, YearsThatNoHardwareClockKeepsAreRefused)
{
    constexpr std::int64_t year = 31'556'952'000'000'000;
    for (const std::int64_t time : {-year, 101 * year, std::numeric_limits<std::int64_t>::max(),
                                    std::numeric_limits<std::int64_t>::min()}) {
        EXPECT_EQ(ask("guest-set-time", {{"time", time}}), "error: Invalid time");
    }
    EXPECT_FALSE(clock_.time);
    EXPECT_EQ(ask("guest-set-time", {{"time", 99 * year}}), "{}"); // 2068
}

TEST_F(ChangeTest, WithoutATimeTheHardwareClockHasIt)
{
    EXPECT_EQ(ask("guest-set-time"), "{}");
    EXPECT_TRUE(clock_.from_hardware);
}

TEST_F(ChangeTest, PasswordsAreDecodedAlsoFromLines)
{
    EXPECT_EQ(ask("guest-set-user-password",
                  {{"username", "anna"}, {"password", "c2Vj\ncmV0"}, {"crypted", true}}),
              "{}");
    EXPECT_EQ(accounts_.password.user, "anna");
    EXPECT_EQ(accounts_.password.password, "secret");
    EXPECT_TRUE(accounts_.password.hashed);
    EXPECT_EQ(ask("guest-set-user-password", {{"username", "anna"}, {"password", "c2VjcmV0"}}),
              "error: Parameter 'crypted' is missing");
    EXPECT_EQ(ask("guest-set-user-password",
                  {{"username", "anna"}, {"password", "c2Vj cmV0"}, {"crypted", false}}),
              "error: Base64 data contains invalid characters");
}

TEST_F(ChangeTest, KeysAreListedAddedReplacedAndRemoved)
{
    EXPECT_EQ(ask("guest-ssh-get-authorized-keys", {{"username", "anna"}}),
              R"({"keys": ["algo one", "algo two"]})");
    EXPECT_EQ(accounts_.user, "anna");
    const json::Array keys{json::Value{"algo one"}};
    EXPECT_EQ(ask("guest-ssh-add-authorized-keys", {{"username", "otto"}, {"keys", keys}}), "{}");
    EXPECT_EQ(accounts_.user, "otto");
    EXPECT_EQ(accounts_.change.what, system::KeyChange::What::add);
    EXPECT_EQ(accounts_.change.keys, std::vector<std::string>{"algo one"});
    ask("guest-ssh-add-authorized-keys", {{"username", "otto"}, {"keys", keys}, {"reset", true}});
    EXPECT_EQ(accounts_.change.what, system::KeyChange::What::replace);
    ask("guest-ssh-add-authorized-keys", {{"username", "otto"}, {"keys", keys}, {"reset", false}});
    EXPECT_EQ(accounts_.change.what, system::KeyChange::What::add);
    ask("guest-ssh-remove-authorized-keys", {{"username", "otto"}, {"keys", keys}});
    EXPECT_EQ(accounts_.change.what, system::KeyChange::What::remove);
}

} // namespace
} // namespace frostline::commands
