// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/judge.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace frostline::host {
namespace {

using Taken = Evidence::Taken;

FreezeReport good_report()
{
    FreezeReport report;
    report.id = "x";
    report.outcome = "consistent";
    report.hooks.push_back({"10-db", 10, "hold", "held", {}, {}});
    report.filesystems.push_back({"/", "ext4", "/dev/vda1", "frozen", {}, {}});
    return report;
}

Evidence frostline_evidence()
{
    Evidence evidence;
    evidence.frostline = true;
    evidence.freeze_good = true;
    evidence.frozen_count = 1;
    evidence.held_before = true;
    evidence.taken = Taken::in_window;
    evidence.held_after = true;
    evidence.thaw_confirmed = true;
    evidence.thaw_count = 1;
    evidence.report = good_report();
    return evidence;
}

Evidence plain_evidence()
{
    Evidence evidence = frostline_evidence();
    evidence.frostline = false;
    evidence.report.reset();
    evidence.frozen_count = 3;
    evidence.thaw_count = 3;
    return evidence;
}

struct Row {
    const char* name;
    Evidence (*base)();
    std::function<void(Evidence&)> change;
    Level level;
    ExitStatus when_app_is_required;
};

const std::vector<Row>& table()
{
    constexpr auto good = ExitStatus::consistent;
    constexpr auto weak = ExitStatus::not_consistent;
    constexpr Evidence (*own)() = frostline_evidence;
    constexpr Evidence (*plain)() = plain_evidence;
    static const std::vector<Row> rows{
        {"all held", own, [](Evidence&) {}, Level::app, good},
        {"no answer just after the switch", own, [](Evidence& e) { e.held_after.reset(); },
         Level::app, good},
        {"a hook was skipped, another held", own,
         [](Evidence& e) {
             e.report->hooks.push_back({"20-x", 20, "freeze", "skipped", {}, {}});
         },
         Level::app, good},
        {"a failing thaw hook takes nothing from the snapshot", own,
         [](Evidence& e) {
             e.report->hooks.push_back({"20-x", 20, "thaw", "failed", {}, {}});
         },
         Level::app, good},
        {"written back only, with hooks", own,
         [](Evidence& e) { e.report->filesystems[0].result = "synced"; }, Level::app, good},
        {"no hook", own, [](Evidence& e) { e.report->hooks.clear(); }, Level::fs, weak},
        {"all hooks skipped", own, [](Evidence& e) { e.report->hooks[0].result = "skipped"; },
         Level::fs, weak},
        {"a session lost its hold", own, [](Evidence& e) { e.report->hooks[0].result = "lost"; },
         Level::fs, weak},
        {"a hook timed out and may", own,
         [](Evidence& e) {
             e.report->hooks[0].result = "timed-out";
             e.report->outcome = "degraded";
         },
         Level::fs, weak},
        {"degraded", own, [](Evidence& e) { e.report->outcome = "degraded"; }, Level::fs, weak},
        {"expired", own, [](Evidence& e) { e.report->outcome = "expired"; }, Level::crash, weak},
        {"recovered", own, [](Evidence& e) { e.report->outcome = "recovered"; }, Level::crash,
         weak},
        {"aborted", own, [](Evidence& e) { e.report->outcome = "aborted"; }, Level::crash, weak},
        {"a file system was thawed by somebody", own,
         [](Evidence& e) { e.report->filesystems[0].result = "lost"; }, Level::crash, weak},
        {"a file system is somebody else's", own,
         [](Evidence& e) { e.report->filesystems[0].result = "already-frozen"; }, Level::crash,
         weak},
        {"nothing was held", own,
         [](Evidence& e) {
             e.report->filesystems.clear();
             e.report->hooks.clear();
         },
         Level::crash, weak},
        {"a word that is new", own,
         [](Evidence& e) { e.report->unclear = "the result of hook 10-db"; }, Level::crash, weak},
        {"no report", own, [](Evidence& e) { e.report.reset(); }, Level::crash, weak},
        {"an error at the thaw", own, [](Evidence& e) { e.thaw_complaint = "fsfreeze is limited"; },
         Level::crash, weak},
        {"not in force before", own, [](Evidence& e) { e.held_before = false; }, Level::crash,
         weak},
        {"no answer just before", own, [](Evidence& e) { e.held_before.reset(); }, Level::crash,
         weak},
        {"not in force after", own, [](Evidence& e) { e.held_after = false; }, Level::crash, weak},
        {"switched who knows when", own, [](Evidence& e) { e.taken = Taken::late; }, Level::crash,
         weak},
        {"refused", own, [](Evidence& e) { e.taken = Taken::no; }, Level::crash,
         ExitStatus::snapshot_failed},
        {"unknown", own, [](Evidence& e) { e.taken = Taken::unknown; }, Level::crash,
         ExitStatus::snapshot_failed},
        {"freeze failed", own,
         [](Evidence& e) {
             e.freeze_good = false;
             e.taken = Taken::no;
         },
         Level::crash, ExitStatus::freeze_failed},
        {"thaw not confirmed", own, [](Evidence& e) { e.thaw_confirmed = false; }, Level::crash,
         ExitStatus::thaw_unconfirmed},
        {"freeze failed and thaw not confirmed", own,
         [](Evidence& e) { e.freeze_good = e.thaw_confirmed = false; }, Level::crash,
         ExitStatus::thaw_unconfirmed},
        {"plain: counts equal", plain, [](Evidence&) {}, Level::fs, weak},
        {"plain: fewer thawed", plain, [](Evidence& e) { e.thaw_count = 2; }, Level::crash, weak},
        {"plain: more thawed", plain, [](Evidence& e) { e.thaw_count = 4; }, Level::crash, weak},
        {"plain: nothing frozen", plain, [](Evidence& e) { e.frozen_count = *(e.thaw_count = 0); },
         Level::crash, weak},
        {"plain: no count", plain, [](Evidence& e) { e.thaw_count.reset(); }, Level::crash, weak},
        {"plain: thaw error", plain, [](Evidence& e) { e.thaw_complaint = "hook failed"; },
         Level::crash, weak},
        {"plain: thawed before", plain, [](Evidence& e) { e.held_before = false; }, Level::crash,
         weak},
        {"plain: thawed after", plain, [](Evidence& e) { e.held_after = false; }, Level::crash,
         weak},
    };
    return rows;
}

TEST(Judge, ClaimsWhatTheEvidenceProves)
{
    for (const Row& row : table()) {
        Evidence evidence = row.base();
        row.change(evidence);
        const Judgement judgement = judge(evidence, Level::app);
        EXPECT_EQ(judgement.level, row.level) << row.name;
        EXPECT_EQ(judgement.status, row.when_app_is_required) << row.name;
        EXPECT_EQ(judgement.consistent, judgement.status == ExitStatus::consistent) << row.name;
        if (row.when_app_is_required == ExitStatus::not_consistent) {
            EXPECT_FALSE(judgement.reason.empty()) << row.name;
        }
    }
}

TEST(Judge, WhatIsRequiredDecidesTheExitStatus)
{
    for (const Row& row : table()) {
        Evidence evidence = row.base();
        row.change(evidence);
        for (const Level required : {Level::crash, Level::fs, Level::app}) {
            const Judgement judgement = judge(evidence, required);
            EXPECT_EQ(judgement.level, row.level) << row.name;
            ExitStatus expected = row.when_app_is_required;
            if (expected == ExitStatus::not_consistent && row.level >= required) {
                expected = ExitStatus::consistent;
            }
            EXPECT_EQ(judgement.status, expected)
                << row.name << ", required " << level_name(required);
        }
    }
}

} // namespace
} // namespace frostline::host
