// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/freeze_session.hpp"
#include "support/fake_freeze.hpp"
#include "support/fake_loop.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace frostline::freeze {

using namespace std::chrono_literals;

inline system::Mount make_mount(int id, int parent, std::string mount_point, dev_t device,
                                std::string type = "ext4", std::string source = "/dev/vda")
{
    system::Mount mount;
    mount.id = id;
    mount.parent_id = parent;
    mount.mount_point = std::move(mount_point);
    mount.root = "/";
    mount.type = std::move(type);
    mount.source = std::move(source);
    mount.device = device;
    return mount;
}

/// A guest with / and /data, hooks that hold something, and a session over fakes.
class SessionTest : public testing::Test {
protected:
    SessionTest()
    {
        table.mounts = {make_mount(1, 0, "/", makedev(254, 1)),
                        make_mount(2, 1, "/data", makedev(254, 2), "xfs")};
        quiet_hooks.result.holding = 1;
        quiet_hooks.owed = {"10-db"};
        make_session();
    }

    void make_session()
    {
        session = std::make_unique<FreezeSession>(
            Parts{loop, workers, table, layers, kernel, quiescer, guards, store}, settings);
    }

    /// Until nothing happens any more at this moment.
    void settle()
    {
        do {
            loop.advance(0ns);
        } while (workers.step());
        loop.advance(0ns);
        if (workers.step()) {
            settle();
        }
    }
    void pass(std::chrono::milliseconds time)
    {
        loop.advance(time);
        settle();
    }

    void freeze(Request request = {})
    {
        session->freeze(std::move(request), [this](Result<Frozen> result) {
            ++freeze_answers;
            frozen.emplace(std::move(result));
        });
        settle();
    }
    void thaw(ThawWait wait = ThawWait::released, std::optional<std::string> id = std::nullopt)
    {
        thawed.reset();
        session->thaw(std::move(id), wait, [this](Result<Thawed> result) {
            ++thaw_answers;
            thawed.emplace(std::move(result));
        });
        settle();
    }

    [[nodiscard]] bool did(const std::string& what) const
    {
        return std::find(journal.begin(), journal.end(), what) != journal.end();
    }
    [[nodiscard]] std::ptrdiff_t times(const std::string& what) const
    {
        return std::count(journal.begin(), journal.end(), what);
    }
    /// Position of the last time something was done; fails the test when it wasn't.
    [[nodiscard]] std::ptrdiff_t when(const std::string& what) const
    {
        const auto found = std::find(journal.rbegin(), journal.rend(), what);
        EXPECT_NE(found, journal.rend()) << what << " was not done";
        return journal.rend() - found;
    }
    [[nodiscard]] static FsRecord row(const Report& report, const std::string& mount_point)
    {
        for (const FsRecord& record : report.filesystems) {
            if (record.mount_point == mount_point) {
                return record;
            }
        }
        ADD_FAILURE() << "no row for " << mount_point;
        return {};
    }

    test::Journal journal;
    test::FakeLoop loop;
    test::FakeWorkers workers{loop};
    test::FakeMountTable table;
    test::FakeBlockLayers layers;
    test::FakeFsControl kernel{table, workers, journal};
    test::FakeHooks quiet_hooks{loop, journal};
    test::FakeQuiescer quiescer{quiet_hooks};
    test::FakeGuards guards{loop, journal};
    test::FakeRunState store{journal};
    Settings settings;
    std::unique_ptr<FreezeSession> session;

    std::optional<Result<Frozen>> frozen;
    std::optional<Result<Thawed>> thawed;
    int freeze_answers = 0;
    int thaw_answers = 0;
};

} // namespace frostline::freeze
