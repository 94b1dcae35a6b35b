// SPDX-License-Identifier: Apache-2.0
#include "commands/commands.hpp"
#include "commands/storage_wire.hpp"
#include "common/json/write.hpp"
#include "support/fake_loop.hpp"
#include "support/held_workers.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::commands {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FakeStorage final : public system::Storage {
public:
    Result<std::vector<system::BlockMount>> mounts() override { return table; }
    system::MountedDevice below(const system::BlockMount& mount) override
    {
        system::MountedDevice device;
        device.name = "vd" + mount.mount.mount_point.substr(1);
        device.disks.emplace_back();
        return device;
    }
    Result<std::vector<system::BlockDevice>> devices() override { return list; }
    Result<std::vector<system::DiskStats>> stats() override { return counters; }
    Result<system::FsSpace> space(const std::string& mount_point) override
    {
        asked.push_back(mount_point);
        return system::FsSpace{10, 90, 100};
    }
    Result<system::NvmeSmart> smart(const std::string& node) override
    {
        asked.push_back(node);
        return health;
    }
    Result<system::Trimmed> trim(const std::string& mount_point, std::uint64_t given) override
    {
        asked.push_back(mount_point);
        minimum = given;
        const auto found = trims.find(mount_point);
        return found == trims.end() ? Result<system::Trimmed>{system::Trimmed{4096, 512}}
                                    : found->second;
    }

    void mount(const std::string& point, std::optional<std::string> reachable)
    {
        system::BlockMount added;
        added.mount.mount_point = point;
        added.mount.type = "ext4";
        added.reachable_at = std::move(reachable);
        table->push_back(std::move(added));
    }

    Result<std::vector<system::BlockMount>> table{std::vector<system::BlockMount>{}};
    Result<std::vector<system::BlockDevice>> list{std::vector<system::BlockDevice>{}};
    Result<std::vector<system::DiskStats>> counters{std::vector<system::DiskStats>{}};
    Result<system::NvmeSmart> health{system::NvmeSmart{}};
    std::map<std::string, Result<system::Trimmed>> trims;
    std::vector<std::string> asked;
    std::uint64_t minimum = 1;
};

class StorageCommands : public testing::Test {
protected:
    StorageCommands() { add_storage(registry_, loop_, workers_, storage_); }

    rpc::Call ask(const std::string& name, json::Object arguments = {})
    {
        answer_.clear();
        rpc::Call call{[this](Result<json::Value> result) {
            answer_ = result ? json::write(*result) : "error: " + result.error().message();
        }};
        registry_.find(name)->run(json::Value{std::move(arguments)}, call);
        return call;
    }
    void finish(std::size_t most = 100)
    {
        for (; most > 0 && workers_.held() > 0; --most) {
            workers_.finish_one();
            loop_.run_posted();
        }
    }
    std::string answer_of(const std::string& name, json::Object arguments = {})
    {
        ask(name, std::move(arguments));
        EXPECT_EQ(answer_, "") << "nothing that may block runs on the loop";
        finish();
        return answer_;
    }

    test::FakeLoop loop_;
    test::HeldWorkers workers_{loop_};
    FakeStorage storage_;
    rpc::Registry registry_;
    std::string answer_;
};

TEST_F(StorageCommands, FsinfoHasTheLastMountedFirst)
{
    storage_.mount("/a", "/a");
    storage_.mount("/b", "/elsewhere");
    const std::string answer = answer_of("guest-get-fsinfo");
    EXPECT_LT(answer.find("\"/b\""), answer.find("\"/a\""));
    EXPECT_THAT(answer, HasSubstr("\"name\": \"vda\""));
    EXPECT_THAT(answer, HasSubstr("\"used-bytes\": 10"));
    EXPECT_THAT(answer, HasSubstr("\"total-bytes\": 90"));
    EXPECT_THAT(answer, HasSubstr("\"total-bytes-privileged\": 100"));
    EXPECT_THAT(storage_.asked, ElementsAre("/elsewhere", "/a"));
}

TEST_F(StorageCommands, AnAddressHasEveryMandatoryFieldAlsoWhenUnknown)
{
    storage_.mount("/a", "/a");
    const std::string answer = answer_of("guest-get-fsinfo");
    for (const char* member :
         {"\"domain\": -1", "\"bus\": -1", "\"slot\": -1", "\"function\": -1", "\"bus\": 0",
          "\"target\": 0", "\"unit\": 0", "\"bus-type\": \"unknown\""}) {
        EXPECT_THAT(answer, HasSubstr(member));
    }
    EXPECT_THAT(answer, Not(HasSubstr("serial")));
    EXPECT_THAT(answer, Not(HasSubstr("dev\"")));
    EXPECT_THAT(answer, Not(HasSubstr("ccw")));
}

TEST_F(StorageCommands, OneThatCannotBeReachedIsListedWithoutItsSpace)
{
    storage_.mount("/hidden", std::nullopt);
    const std::string answer = answer_of("guest-get-fsinfo");
    EXPECT_THAT(answer, HasSubstr("/hidden"));
    EXPECT_THAT(answer, Not(HasSubstr("-bytes")));
    EXPECT_THAT(storage_.asked, ElementsAre());
}

TEST_F(StorageCommands, OneThatHangsIsListedWithoutItsSpace)
{
    storage_.mount("/a", "/a");
    storage_.mount("/hangs", "/hangs");
    ask("guest-get-fsinfo");
    finish(1); // the list
    ASSERT_EQ(workers_.held(), 1U);
    loop_.advance(1s);
    EXPECT_EQ(answer_, "");
    finish(); // both, of which the first one is too late
    EXPECT_THAT(answer_, HasSubstr("/hangs"));
    EXPECT_EQ(answer_.find("used-bytes"), answer_.rfind("used-bytes"));
}

TEST_F(StorageCommands, AMissingMountTableIsToldInQemuGasWords)
{
    storage_.table = fail(ErrorKind::not_found, "reading the mount table: gone");
    for (const char* name : {"guest-get-fsinfo", "guest-fstrim"}) {
        EXPECT_EQ(answer_of(name), "error: failed to open mtab file: '/proc/self/mounts'");
    }
}

TEST_F(StorageCommands, OnlyNvmeDisksAreAskedForTheirHealth)
{
    system::BlockDevice disk;
    disk.node = "/dev/vda";
    disk.address.emplace().bus_type = system::DiskBus::virtio;
    disk.dependencies.emplace();
    storage_.list->push_back(disk);
    disk.node = "/dev/nvme0n1";
    disk.address->bus_type = system::DiskBus::nvme;
    storage_.list->push_back(disk);
    storage_.health->media_errors = {7, 8};
    storage_.health->temperature = 300;
    std::string answer = answer_of("guest-get-disks");
    EXPECT_THAT(storage_.asked, ElementsAre("/dev/nvme0n1"));
    EXPECT_THAT(answer, HasSubstr("\"type\": \"nvme\""));
    EXPECT_THAT(answer, HasSubstr("\"temperature\": 300"));
    EXPECT_THAT(answer, HasSubstr("\"media-errors-lo\": 7"));
    EXPECT_THAT(answer, HasSubstr("\"media-errors-hi\": 8"));
    EXPECT_THAT(answer, HasSubstr("\"dependencies\": []"));
    storage_.health = fail(ErrorKind::io, "no");
    answer = answer_of("guest-get-disks");
    EXPECT_THAT(answer, HasSubstr("/dev/nvme0n1"));
    EXPECT_THAT(answer, Not(HasSubstr("smart")));
}

TEST_F(StorageCommands, WhatADiskDoesNotHaveIsAbsent)
{
    system::BlockDevice device;
    device.node = "/dev/loop0";
    storage_.list->push_back(device);
    EXPECT_EQ(answer_of("guest-get-disks"), R"([{"name": "/dev/loop0", "partition": false}])");
    storage_.list = fail(ErrorKind::not_found, "Can't open directory");
    EXPECT_EQ(answer_of("guest-get-disks"), "error: Can't open directory");
}

TEST_F(StorageCommands, TrimTellsOfEachFileSystem)
{
    storage_.mount("/a", "/a");
    storage_.mount("/b", "/b");
    storage_.mount("/hidden", std::nullopt);
    storage_.trims.emplace("/b", fail(ErrorKind::unsupported, "trim not supported"));
    EXPECT_EQ(answer_of("guest-fstrim"),
              R"({"paths": [)"
              R"({"path": "/hidden", "error": "failed to open: other mounts cover it"}, )"
              R"({"path": "/b", "error": "trim not supported"}, )"
              R"({"path": "/a", "trimmed": 4096, "minimum": 512}]})");
    EXPECT_EQ(storage_.minimum, 0U);
}

TEST_F(StorageCommands, ANegativeMinimumIsTheLargest)
{
    storage_.mount("/a", "/a");
    answer_of("guest-fstrim", {{"minimum", -1}});
    EXPECT_EQ(storage_.minimum, 0xffffffffffffffffU);
}

TEST_F(StorageCommands, ATrimWhoseHostHasGivenUpEndsAfterTheFileSystemItIsAt)
{
    storage_.mount("/a", "/a");
    storage_.mount("/b", "/b");
    const rpc::Call call = ask("guest-fstrim");
    finish(1); // the list
    call.cancel("a sync came");
    finish();
    EXPECT_THAT(storage_.asked, ElementsAre("/b"));
}

TEST_F(StorageCommands, StatisticsHaveWhatTheKernelHas)
{
    system::DiskStats stats;
    stats.name = "vda";
    stats.major = 254;
    stats.read_ios = 5;
    storage_.counters->push_back(stats);
    EXPECT_EQ(answer_of("guest-get-diskstats"),
              R"([{"name": "vda", "major": 254, "minor": 0, "stats": {"read-ios": 5}}])");
    storage_.counters = fail(ErrorKind::not_found, "open(\"/proc/diskstats\"): gone");
    EXPECT_EQ(answer_of("guest-get-diskstats"), "error: open(\"/proc/diskstats\"): gone");
}

TEST(DisksOnTheWire, CarryWhatIsKnown)
{
    system::DiskAddress address;
    address.serial = "S";
    address.node = "/dev/vda";
    address.ccw = system::CcwAddress{1, 2, 3, 4};
    const qapi::GuestDiskAddress out = to_wire(address);
    EXPECT_EQ(out.serial, "S");
    EXPECT_EQ(out.dev, "/dev/vda");
    EXPECT_EQ(out.ccw_address->cssid, 1);
    EXPECT_EQ(out.ccw_address->ssid, 2);
    EXPECT_EQ(out.ccw_address->subchno, 3);
    EXPECT_EQ(out.ccw_address->devno, 4);
}

} // namespace
} // namespace frostline::commands
