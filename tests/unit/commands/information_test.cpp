// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"
#include "common/json/parse.hpp"
#include "common/json/write.hpp"
#include "qapi/commands.hpp"

#include "support/fake_loop.hpp"
#include "support/prompt_workers.hpp"

#include <cerrno>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::commands {
namespace {

using namespace std::chrono_literals;
using system::OnlineState;
using testing::ElementsAre;
using testing::IsEmpty;

struct FakeCpus final : system::Cpus {
    Result<std::vector<system::Cpu>> list() const override { return cpus; }
    Result<void> set_state(std::int64_t number, OnlineState wanted) const override
    {
        asked.push_back(std::to_string(number) + (wanted == OnlineState::online ? " on" : " off"));
        if (number == 13) {
            return fail(ErrorKind::io, "no thirteen");
        }
        return {};
    }
    Result<std::vector<system::CpuTimes>> times() const override { return cpu_times; }
    Result<system::LoadAverage> load() const override { return averages; }

    Result<std::vector<system::Cpu>> cpus{std::vector<system::Cpu>{}};
    Result<std::vector<system::CpuTimes>> cpu_times{std::vector<system::CpuTimes>{}};
    Result<system::LoadAverage> averages{system::LoadAverage{0.5, 1, 2}};
    mutable std::vector<std::string> asked;
};

struct FakeBlocks final : system::MemoryBlocks {
    Result<std::vector<system::MemoryBlock>> list() const override { return blocks; }
    system::BlockChange set_state(std::uint64_t number, OnlineState) const override
    {
        return changes.at(number);
    }
    Result<std::uint64_t> block_size() const override { return size; }

    Result<std::vector<system::MemoryBlock>> blocks{std::vector<system::MemoryBlock>{}};
    Result<std::uint64_t> size{std::uint64_t{134217728}};
    std::map<std::uint64_t, system::BlockChange> changes;
};

struct FakeIdentity final : system::GuestIdentity {
    Result<std::string> host_name() const override { return host; }
    Result<system::KernelName> kernel() const override { return kernel_name; }
    std::map<std::string, std::string, std::less<>> os_release() const override { return release; }

    Result<std::string> host{std::string{"guest"}};
    Result<system::KernelName> kernel_name{system::KernelName{"6.1", "#1 SMP", "x86_64"}};
    std::map<std::string, std::string, std::less<>> release;
};

struct FakeLogins final : system::Logins {
    Result<std::vector<system::Login>> list() const override { return logins; }
    Result<std::vector<system::Login>> logins{std::vector<system::Login>{}};
};

struct FakeNetwork final : system::Network {
    Result<std::vector<system::NetworkInterface>> interfaces() const override { return all; }
    Result<system::Routes> routes() const override { return table; }
    Result<std::vector<system::NetworkInterface>> all{std::vector<system::NetworkInterface>{}};
    Result<system::Routes> table{system::Routes{}};
};

struct FakeClock final : system::WallClock {
    std::chrono::nanoseconds now() const override { return 1700000000123456789ns; }
    Result<system::TimeZone> time_zone() const override { return zone; }
    Result<system::TimeZone> zone{system::TimeZone{"CET", 3600s}};
};

class InformationTest : public testing::Test {
protected:
    InformationTest()
    {
        add_time(registry, clock);
        add_cpu_memory(registry, cpus, blocks, workers);
        add_identity(registry, identity, logins);
        add_network(registry, network, workers);
    }
    std::string ask(const std::string& name, const std::string& arguments = "{}")
    {
        std::string answer = "none";
        registry.find(name)->run(
            *json::parse(arguments), rpc::Call{[&answer](Result<json::Value> result) {
                answer = result ? json::write(*result) : "error: " + result.error().message();
            }});
        loop.run_posted();
        return answer;
    }

    test::FakeLoop loop;
    test::PromptWorkers workers{loop};
    std::shared_ptr<FakeCpus> cpus = std::make_shared<FakeCpus>();
    std::shared_ptr<FakeBlocks> blocks = std::make_shared<FakeBlocks>();
    std::shared_ptr<FakeIdentity> identity = std::make_shared<FakeIdentity>();
    std::shared_ptr<FakeLogins> logins = std::make_shared<FakeLogins>();
    std::shared_ptr<FakeNetwork> network = std::make_shared<FakeNetwork>();
    std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();
    rpc::Registry registry;
};

TEST_F(InformationTest, TimeAndZone)
{
    EXPECT_EQ(ask("guest-get-time"), "1700000000123456789");
    EXPECT_EQ(ask("guest-get-timezone"), R"({"zone": "CET", "offset": 3600})");
    clock->zone = system::TimeZone{"", -3600s};
    EXPECT_EQ(ask("guest-get-timezone"), R"({"offset": -3600})");
    clock->zone = fail(ErrorKind::io, "Couldn't retrieve local timezone");
    EXPECT_EQ(ask("guest-get-timezone"), "error: Couldn't retrieve local timezone");
}

TEST_F(InformationTest, ProcessorsAlwaysSayWhetherTheyCanBeSwitchedOff)
{
    EXPECT_EQ(ask("guest-get-vcpus"), "[]");
    cpus->cpus =
        std::vector<system::Cpu>{{0, OnlineState::online, false}, {1, OnlineState::offline, true}};
    EXPECT_EQ(ask("guest-get-vcpus"),
              R"([{"logical-id": 0, "online": true, "can-offline": false}, )"
              R"({"logical-id": 1, "online": false, "can-offline": true}])");
    cpus->cpus = fail(ErrorKind::io, "failed to list entries");
    EXPECT_EQ(ask("guest-get-vcpus"), "error: failed to list entries");
}

TEST_F(InformationTest, SettingProcessorsCountsTheLeadingOnesThatAreDone)
{
    EXPECT_EQ(ask("guest-set-vcpus", "{'vcpus': []}"), "0");
    EXPECT_EQ(ask("guest-set-vcpus", "{'vcpus': [{'logical-id': 1, 'online': true}, {'logical-id': "
                                     "2, 'online': false, 'can-offline': false}]}"),
              "2");
    EXPECT_THAT(cpus->asked, ElementsAre("1 on", "2 off"));
}

TEST_F(InformationTest, SettingProcessorsStopsAtTheFirstThatFails)
{
    EXPECT_EQ(ask("guest-set-vcpus", "{'vcpus': [{'logical-id': 13, 'online': true}, "
                                     "{'logical-id': 2, 'online': false}]}"),
              "error: no thirteen");
    EXPECT_THAT(cpus->asked, ElementsAre("13 on"));
    EXPECT_EQ(ask("guest-set-vcpus", "{'vcpus': [{'logical-id': 1, 'online': true}, {'logical-id': "
                                     "13, 'online': false}, {'logical-id': 2, 'online': true}]}"),
              "1");
    EXPECT_THAT(cpus->asked, ElementsAre("13 on", "1 on", "13 off"));
}

TEST_F(InformationTest, SettingProcessorsChecksItsArgumentsBeforeItBegins)
{
    EXPECT_EQ(ask("guest-set-vcpus"), "error: Parameter 'vcpus' is missing");
    EXPECT_EQ(ask("guest-set-vcpus", "{'vcpus': [{'logical-id': 1, 'online': true}, "
                                     "{'logical-id': 2}]}"),
              "error: Parameter 'vcpus[1].online' is missing");
    EXPECT_THAT(cpus->asked, IsEmpty());
}

TEST_F(InformationTest, TimesOfProcessorsOmitWhatTheKernelDoesNotCount)
{
    system::CpuTimes times;
    times.number = 3;
    times.user = system::CpuTime{10};
    times.iowait = system::CpuTime{50};
    times.guest_nice = system::CpuTime{90};
    cpus->cpu_times = std::vector{times};
    EXPECT_EQ(ask("guest-get-cpustats"),
              R"([{"type": "linux", "cpu": 3, "user": 10, "nice": 0, "system": 0, "idle": 0, )"
              R"("iowait": 50, "guestnice": 90}])");
    cpus->cpu_times = fail(ErrorKind::io, "open(\"/proc/stat\"): no");
    EXPECT_EQ(ask("guest-get-cpustats"), "error: open(\"/proc/stat\"): no");
}

TEST_F(InformationTest, Load)
{
    EXPECT_EQ(ask("guest-get-load"), R"({"load1m": 0.5, "load5m": 1, "load15m": 2})");
    cpus->averages = fail(ErrorKind::io, "cannot query load average: no");
    EXPECT_EQ(ask("guest-get-load"), "error: cannot query load average: no");
}

TEST_F(InformationTest, MemoryBlocks)
{
    EXPECT_EQ(ask("guest-get-memory-blocks"), "[]");
    blocks->blocks = std::vector<system::MemoryBlock>{{UINT64_MAX, OnlineState::online, true}};
    EXPECT_EQ(ask("guest-get-memory-blocks"),
              R"([{"phys-index": 18446744073709551615, "online": true, "can-offline": true}])");
    blocks->blocks = fail(ErrorKind::not_found, "guest reported zero memory blocks!");
    EXPECT_EQ(ask("guest-get-memory-blocks"), "error: guest reported zero memory blocks!");
    EXPECT_EQ(ask("guest-get-memory-block-info"), R"({"size": 134217728})");
    blocks->size = fail(ErrorKind::not_found, "no blocks");
    EXPECT_EQ(ask("guest-get-memory-block-info"), "error: no blocks");
}

TEST_F(InformationTest, SettingMemoryBlocksAnswersForEach)
{
    blocks->changes = {{1, {}},
                       {2, {system::BlockOutcome::not_found, ENOENT}},
                       {3, {system::BlockOutcome::unsupported, ENOENT}},
                       {4, {system::BlockOutcome::failed, EBUSY}}};
    EXPECT_EQ(ask("guest-set-memory-blocks",
                  "{'mem-blks': [{'phys-index': 4, 'online': false}, {'phys-index': 1, 'online': "
                  "true}, {'phys-index': 2, 'online': true, 'can-offline': true}, {'phys-index': "
                  "3, 'online': true}]}"),
              R"([{"phys-index": 4, "response": "operation-failed", "error-code": 16}, )"
              R"({"phys-index": 1, "response": "success"}, )"
              R"({"phys-index": 2, "response": "not-found", "error-code": 2}, )"
              R"({"phys-index": 3, "response": "operation-not-supported", "error-code": 2}])");
    EXPECT_EQ(ask("guest-set-memory-blocks", "{'mem-blks': []}"), "[]");
    EXPECT_EQ(ask("guest-set-memory-blocks", "{'mem-blks': [{'phys-index': 'x', 'online': true}]}"),
              "error: Parameter 'mem-blks[0].phys-index' expects uint64");
}

TEST_F(InformationTest, HostName)
{
    EXPECT_EQ(ask("guest-get-host-name"), R"({"host-name": "guest"})");
    identity->host = fail(ErrorKind::io, "cannot get hostname: no");
    EXPECT_EQ(ask("guest-get-host-name"), "error: cannot get hostname: no");
}

TEST_F(InformationTest, OsInfoOmitsWhatIsNotKnown)
{
    EXPECT_EQ(ask("guest-get-osinfo"),
              R"({"kernel-release": "6.1", "kernel-version": "#1 SMP", "machine": "x86_64"})");
    identity->kernel_name = fail(ErrorKind::io, "no");
    EXPECT_EQ(ask("guest-get-osinfo"), "{}");
    identity->release = {{"ID", "a"},         {"NAME", "b"},       {"PRETTY_NAME", "c"},
                         {"VERSION", "d"},    {"VERSION_ID", "e"}, {"VARIANT", ""},
                         {"VARIANT_ID", "g"}, {"HOME_URL", "h"}};
    EXPECT_EQ(ask("guest-get-osinfo"),
              R"({"id": "a", "name": "b", "pretty-name": "c", "version": "d", "version-id": "e", )"
              R"("variant": "", "variant-id": "g"})");
}

TEST_F(InformationTest, UsersAreListedOnceWithTheirEarliestLogin)
{
    EXPECT_EQ(ask("guest-get-users"), "[]");
    logins->logins = std::vector<system::Login>{
        {"bob", 9s}, {"alice", std::chrono::microseconds{1700000000250000}}, {"bob", 3s}};
    EXPECT_EQ(ask("guest-get-users"), R"([{"user": "bob", "login-time": 3}, )"
                                      R"({"user": "alice", "login-time": 1700000000.25}])");
    logins->logins = fail(ErrorKind::io, "no");
    EXPECT_EQ(ask("guest-get-users"), "error: no");
}

TEST_F(InformationTest, InterfacesOmitWhatTheyDoNotHave)
{
    system::NetworkInterface full;
    full.name = "eth0";
    full.hardware_address = "02:00:00:00:00:01";
    full.addresses = {{system::IpFamily::v4, "192.0.2.2", 24},
                      {system::IpFamily::v6, "fe80::1", 64}};
    full.counters = system::InterfaceCounters{UINT64_MAX, 2, 3, 4, 5, 6, 7, 8};
    system::NetworkInterface bare;
    bare.name = "x";
    network->all = std::vector{full, bare};
    EXPECT_EQ(
        ask("guest-network-get-interfaces"),
        R"([{"name": "eth0", "hardware-address": "02:00:00:00:00:01", "ip-addresses": [)"
        R"({"ip-address": "192.0.2.2", "ip-address-type": "ipv4", "prefix": 24}, )"
        R"({"ip-address": "fe80::1", "ip-address-type": "ipv6", "prefix": 64}], "statistics": {)"
        R"("rx-bytes": 18446744073709551615, "rx-packets": 2, "rx-errs": 3, "rx-dropped": 4, )"
        R"("tx-bytes": 5, "tx-packets": 6, "tx-errs": 7, "tx-dropped": 8}}, {"name": "x"}])");
    network->all = fail(ErrorKind::io, "getifaddrs failed: no");
    EXPECT_EQ(ask("guest-network-get-interfaces"), "error: getifaddrs failed: no");
}

TEST_F(InformationTest, RoutesOfBothFamiliesHaveTheirOwnMembers)
{
    EXPECT_EQ(ask("guest-network-get-route"), "[]");
    system::Routes routes;
    routes.ipv4.push_back({"eth0", "192.0.2.0", "0.0.0.0", "255.255.255.0", 1, 2, 3, 4, 5, 6, 7});
    routes.ipv6.push_back({"eth0", "fd00::", 64, "::", 0, "fe80::1", 1, 2, 3, 4294967295});
    network->table = routes;
    EXPECT_EQ(
        ask("guest-network-get-route"),
        R"([{"iface": "eth0", "destination": "192.0.2.0", "metric": 4, "gateway": "0.0.0.0", )"
        R"("mask": "255.255.255.0", "irtt": 7, "flags": 1, "refcnt": 2, "use": 3, )"
        R"("window": 6, "mtu": 5, "version": 4}, )"
        R"({"iface": "eth0", "destination": "fd00::", "metric": 4294967295, "flags": 1, )"
        R"("refcnt": 2, "use": 3, "desprefixlen": "64", "source": "::", )"
        R"("srcprefixlen": "0", "nexthop": "fe80::1", "version": 6}])");
    network->table = fail(ErrorKind::io, "no");
    EXPECT_EQ(ask("guest-network-get-route"), "error: no");
}

TEST_F(InformationTest, WhatOnlyReadsIsAllowedWhileFrozenAndWhatSetsIsNot)
{
    std::vector<std::string> not_while_frozen;
    for (const auto& known : qapi::command_table) {
        const rpc::Command* command = registry.find(known.name);
        if (command != nullptr && !command->allowed_while_frozen) {
            not_while_frozen.emplace_back(known.name);
        }
    }
    EXPECT_THAT(not_while_frozen, ElementsAre("guest-set-vcpus", "guest-set-memory-blocks"));
}

} // namespace
} // namespace frostline::commands
