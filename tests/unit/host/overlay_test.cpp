// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/overlay.hpp"

#include "fakes.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <gtest/gtest.h>

namespace frostline::host::test {
namespace {

class Overlay : public testing::Test {
protected:
    OverlaySnapshot make(std::string directory = {}, std::string name = "one")
    {
        return OverlaySnapshot{qemu_, files_, {std::move(name), std::move(directory), "", "fl"}};
    }
    TimePoint later() { return waiter_.now() + Millis{10'000}; }

    FakeWaiter waiter_;
    FakeMonitor qemu_;
    FakeFiles files_;
};

TEST_F(Overlay, OneTransactionSwitchesAllDisks)
{
    OverlaySnapshot method = make();
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_EQ(qemu_.added, (std::vector<std::string>{"fl-0", "fl-1"}));
    EXPECT_FALSE(qemu_.switched);
    ASSERT_TRUE(method.take(later())->good());
    EXPECT_EQ(qemu_.transaction,
              R"({"actions": [{"type": "blockdev-snapshot", "data": {"node": "base-disk0", )"
              R"("overlay": "fl-0"}}, {"type": "blockdev-snapshot", "data": )"
              R"({"node": "base-disk1", "overlay": "fl-1"}}]})");
    EXPECT_EQ(method.find_out(later()).value(), OverlaySnapshot::Switch::done);
}

TEST_F(Overlay, NothingButTheSwitchIsLeftForTheWindow)
{
    OverlaySnapshot method = make();
    ASSERT_TRUE(method.prepare(later()));
    qemu_.calls.clear();
    ASSERT_TRUE(method.take(later())->good());
    EXPECT_EQ(qemu_.calls, std::vector<std::string>{"transaction"});
}

TEST_F(Overlay, DiscardTakesEverythingBack)
{
    const std::set<std::string> before = files_.paths;
    OverlaySnapshot method = make();
    ASSERT_TRUE(method.prepare(later()));
    EXPECT_EQ(files_.paths.size(), before.size() + 3); // two overlays and the description
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(files_.paths, before);
    EXPECT_TRUE(qemu_.added.empty());
    EXPECT_EQ(method.find_out(later()).value(), OverlaySnapshot::Switch::not_done);
}

TEST_F(Overlay, HalfPreparedIsTakenBackToo)
{
    const std::set<std::string> before = files_.paths;
    int added = 0;
    qemu_.failures["blockdev-add"] = [&](const json::Object& arguments) -> Result<Reply> {
        if (++added == 2) {
            return Reply{PeerError{"GenericError", "no room"}};
        }
        qemu_.added.push_back(*arguments.find("node-name")->as_string());
        return Reply{json::Value{json::Object{}}};
    };
    OverlaySnapshot method = make();
    const Result<void> prepared = method.prepare(later());
    ASSERT_FALSE(prepared);
    EXPECT_NE(prepared.error().message().find("disk1"), std::string::npos);
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(files_.paths, before);
    EXPECT_TRUE(qemu_.added.empty());
}

TEST_F(Overlay, NodeThatMayHaveComeIsRemovedAsWell)
{
    qemu_.failures["blockdev-add"] = breaks(ErrorKind::timeout);
    OverlaySnapshot method = make();
    ASSERT_FALSE(method.prepare(later()));
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(std::count(qemu_.calls.begin(), qemu_.calls.end(), "blockdev-del"), 1);
}

TEST_F(Overlay, ExistingTargetIsRefusedAndKept)
{
    files_.paths.insert("/images/data.one.qcow2");
    const std::set<std::string> before = files_.paths;
    OverlaySnapshot method = make();
    const Result<void> prepared = method.prepare(later());
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().kind(), ErrorKind::busy);
    ASSERT_TRUE(method.discard(later()));
    EXPECT_EQ(files_.paths, before);
    EXPECT_TRUE(qemu_.added.empty());
}

TEST_F(Overlay, FullStorageIsRefusedBeforeAnythingIsMade)
{
    files_.space = 1024;
    OverlaySnapshot method = make();
    const Result<void> prepared = method.prepare(later());
    ASSERT_FALSE(prepared);
    EXPECT_NE(prepared.error().message().find("free"), std::string::npos);
    EXPECT_TRUE(qemu_.added.empty());
}

TEST_F(Overlay, RunningJobsAndMigrationsAreWaitedFor)
{
    qemu_.failures["query-block-jobs"] = answers(R"([{"device": "copy", "type": "mirror"}])");
    EXPECT_EQ(make().prepare(later()).error().kind(), ErrorKind::busy);
    qemu_.failures.clear();
    qemu_.failures["query-migrate"] = answers(R"({"status": "active"})");
    EXPECT_EQ(make().prepare(later()).error().kind(), ErrorKind::busy);
    qemu_.failures["query-migrate"] = answers(R"({"status": "completed"})");
    EXPECT_TRUE(make().prepare(later()));
}

TEST_F(Overlay, LibvirtsMonitorIsRefused)
{
    EXPECT_TRUE(check_owner(qemu_, later()));
    qemu_.failures["query-chardev"] = answers(R"([{"label": "charmonitor"}])");
    EXPECT_EQ(check_owner(qemu_, later()).error().kind(), ErrorKind::permission);
}

TEST_F(Overlay, AnEarlierOverlayOfOursKeepsTheDisksName)
{
    qemu_.switched = true; // the guest writes to root.one.qcow2 and data.one.qcow2
    qemu_.failures["query-named-block-nodes"] =
        answers(R"([{"drv": "file", "file": "/images/root.one.qcow2"},
                    {"drv": "file", "file": "/images/data.one.qcow2"}])");
    files_.paths.insert({"/images/root.one.qcow2", "/images/data.one.qcow2"});
    OverlaySnapshot unknown = make({}, "two");
    ASSERT_TRUE(unknown.prepare(later()));
    EXPECT_EQ(unknown.plans()[0].path, "/images/root.one.two.qcow2");
    ASSERT_TRUE(unknown.discard(later()));
    files_.paths.insert("/images/one.frostline.json");
    OverlaySnapshot ours = make({}, "two");
    ASSERT_TRUE(ours.prepare(later()));
    EXPECT_EQ(ours.plans()[0].path, "/images/root.two.qcow2");
}

TEST_F(Overlay, TwoDisksNeverShareAnOverlay)
{
    qemu_.failures["query-block"] = answers(
        R"([{"device": "", "qdev": "/machine/peripheral/a/x", "inserted": {"node-name": "n1",
             "drv": "raw", "ro": false, "file": "/a/disk.img", "image": {"virtual-size": 512}}},
            {"device": "", "qdev": "/machine/peripheral/b/x", "inserted": {"node-name": "n2",
             "drv": "raw", "ro": false, "file": "/b/disk.img", "image": {"virtual-size": 512}}}])");
    qemu_.failures["query-named-block-nodes"] = answers(
        R"([{"drv": "file", "file": "/a/disk.img"}, {"drv": "file", "file": "/b/disk.img"}])");
    files_.paths.insert({"/a/disk.img", "/b/disk.img"});
    EXPECT_EQ(make("/snapshots").prepare(later()).error().kind(), ErrorKind::invalid_argument);
    EXPECT_TRUE(make().prepare(later()));
}

struct DiskCase {
    const char* name;
    const char* device;
    const char* complaint; ///< nullptr: left out without a word
};

TEST(Disks, WhatCanNotHaveAnOverlayIsNamed)
{
    const json::Value nodes = parsed(R"([{"drv": "file", "file": "/x"}, {"drv": "qcow2",
        "file": "/x"}, {"drv": "file", "file": "rel"}, {"drv": "nbd", "file": "nbd://h/x"}])");
    const std::string rest = R"(, "node-name": "n", "image": {"virtual-size": 512}}})";
    const std::vector<DiskCase> cases{
        {"read-only", R"("inserted": {"ro": true, "drv": "raw", "file": "/x")", nullptr},
        {"filter", R"("inserted": {"ro": false, "drv": "throttle", "file": "/x")", "'throttle'"},
        {"network", R"("inserted": {"ro": false, "drv": "raw", "file": "nbd://h/x")", "local file"},
        {"relative", R"("inserted": {"ro": false, "drv": "raw", "file": "rel")", "relative"},
        {"no file", R"("inserted": {"ro": false, "drv": "raw", "file": "")", "local file"},
        {"encrypted",
         R"("inserted": {"ro": false, "encrypted": true, "drv": "qcow2", "file": "/x")",
         "encrypted"},
    };
    for (const DiskCase& one : cases) {
        const json::Value blocks = parsed(R"([{"device": "vda", "qdev": "/machine/q", )" +
                                          std::string{one.device} + rest + "]");
        const Result<std::vector<Disk>> disks = find_disks(blocks, nodes, {});
        ASSERT_FALSE(disks) << one.name;
        if (one.complaint == nullptr) {
            EXPECT_EQ(disks.error().kind(), ErrorKind::not_found) << one.name;
        } else {
            EXPECT_EQ(disks.error().kind(), ErrorKind::unsupported) << one.name;
            EXPECT_NE(disks.error().message().find(one.complaint), std::string::npos)
                << disks.error().message();
            EXPECT_NE(disks.error().message().find("vda"), std::string::npos) << one.name;
        }
    }
}

TEST(Disks, RelativePathsAreCompletedWithQemusFolder)
{
    const json::Value nodes = parsed(R"([{"drv": "file", "file": "rel"}])");
    const json::Value blocks = parsed(R"([{"device": "vda", "qdev": "/machine/q", "inserted":
        {"ro": false, "drv": "raw", "file": "rel", "node-name": "n",
         "image": {"virtual-size": 512}}}])");
    EXPECT_EQ(find_disks(blocks, nodes, "/vm")->front().base, "/vm/rel");
}

TEST(Disks, FirmwareVariablesAndDrivesWithoutADeviceAreNoDisks)
{
    const json::Value nodes = parsed(R"([{"drv": "file", "file": "/x"}])");
    const json::Value blocks = parsed(R"([
        {"device": "pflash1", "qdev": "/machine/system.flash1", "inserted": {"ro": false,
         "drv": "raw", "file": "/x"}},
        {"device": "spare", "inserted": {"ro": false, "drv": "raw", "file": "/x"}},
        {"device": "cd", "qdev": "/machine/cd", "tray_open": true}])");
    EXPECT_EQ(find_disks(blocks, nodes, {}).error().kind(), ErrorKind::not_found);
}

} // namespace
} // namespace frostline::host::test
