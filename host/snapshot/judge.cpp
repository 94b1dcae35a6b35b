// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/judge.hpp"

#include <algorithm>
#include <utility>

namespace frostline::host {

namespace {

struct Finding {
    Level level = Level::crash;
    std::string reason;
};

Finding judge_plain(const Evidence& evidence)
{
    if (!evidence.thaw_count) {
        return {Level::crash, "the guest's thaw answered no count, so nothing proves that the "
                              "freeze held"};
    }
    if (evidence.frozen_count <= 0) {
        return {Level::crash, "the guest froze no file system"};
    }
    if (*evidence.thaw_count != evidence.frozen_count) {
        return {Level::crash, "frozen were " + std::to_string(evidence.frozen_count) +
                                  " file systems, but thawed " +
                                  std::to_string(*evidence.thaw_count) +
                                  ": somebody else thawed or froze in between"};
    }
    return {Level::fs, "the guest runs a plain qemu-ga, which says nothing about applications"};
}

/// Whether the report has a file system that kept nobody from writing.
const FilesystemRow* loose_filesystem(const FreezeReport& report)
{
    for (const FilesystemRow& row : report.filesystems) {
        if (row.result == "lost" || row.result == "failed" || row.result == "already-frozen") {
            return &row;
        }
    }
    return nullptr;
}

Finding judge_report(const FreezeReport& report)
{
    if (!report.unclear.empty()) {
        return {Level::crash, report.unclear +
                                  " in the guest's report is a word that this "
                                  "frostline doesn't know, so nothing is proven; use the frostline "
                                  "that belongs to the guest's agent"};
    }
    if (report.outcome != "consistent" && report.outcome != "degraded") {
        return {Level::crash, "the guest's report says '" + report.outcome + "'" +
                                  (report.error ? ": " + *report.error : std::string{})};
    }
    if (const FilesystemRow* loose = loose_filesystem(report); loose != nullptr) {
        return {Level::crash, "file system " + loose->mount_point + " was not held: " +
                                  (loose->reason.empty() ? loose->result : loose->reason)};
    }
    bool any_hook = false;
    for (const HookRow& hook : report.hooks) {
        const bool quiesced = hook.phase == "freeze" || hook.phase == "hold";
        if (!quiesced || hook.result == "skipped") {
            continue;
        }
        if (hook.result != "done" && hook.result != "held") {
            return {Level::fs,
                    "hook " + hook.name + " did not hold its application (" + hook.result + ")"};
        }
        any_hook = true;
    }
    const bool any_filesystem = std::any_of(
        report.filesystems.begin(), report.filesystems.end(),
        [](const FilesystemRow& row) { return row.result == "frozen" || row.result == "synced"; });
    if (!any_hook && !any_filesystem) {
        return {Level::crash, "nothing was frozen in the guest"};
    }
    if (report.outcome == "degraded") {
        return {Level::fs, "a hook failed, and its OnFailure=continue let the freeze go on"};
    }
    if (!any_hook) {
        return {Level::fs, "no hook is active in the guest, so no application was asked to hold"};
    }
    return {Level::app, {}};
}

Finding find(const Evidence& evidence)
{
    if (!evidence.thaw_confirmed) {
        return {Level::crash, "the thaw is not confirmed, so nothing proves that the freeze held"};
    }
    if (evidence.taken == Evidence::Taken::late) {
        return {Level::crash, "QEMU switched the disks, but not provably while the guest was "
                              "frozen"};
    }
    if (evidence.thaw_complaint) {
        return {Level::crash, "the guest says: " + *evidence.thaw_complaint};
    }
    if (!evidence.held_before.value_or(false)) {
        return {Level::crash, "the freeze was not in force just before the switch"};
    }
    if (!evidence.held_after.value_or(true)) {
        return {Level::crash, "the freeze was over just after the switch"};
    }
    if (!evidence.frostline) {
        return judge_plain(evidence);
    }
    if (!evidence.report) {
        return {Level::crash, "the guest gave no report of the freeze"};
    }
    return judge_report(*evidence.report);
}

ExitStatus status_of(const Evidence& evidence, bool consistent)
{
    if (!evidence.thaw_confirmed) {
        return ExitStatus::thaw_unconfirmed;
    }
    if (!evidence.freeze_good) {
        return ExitStatus::freeze_failed;
    }
    if (evidence.taken == Evidence::Taken::no || evidence.taken == Evidence::Taken::unknown) {
        return ExitStatus::snapshot_failed;
    }
    return consistent ? ExitStatus::consistent : ExitStatus::not_consistent;
}

} // namespace

Judgement judge(const Evidence& evidence, Level required)
{
    Judgement judgement;
    const bool taken = evidence.freeze_good && (evidence.taken == Evidence::Taken::in_window ||
                                                evidence.taken == Evidence::Taken::late);
    if (taken) {
        Finding finding = find(evidence);
        judgement.level = finding.level;
        judgement.reason = std::move(finding.reason);
        judgement.consistent = judgement.level >= required && evidence.thaw_confirmed;
    }
    judgement.status = status_of(evidence, judgement.consistent);
    return judgement;
}

} // namespace frostline::host
