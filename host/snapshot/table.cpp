// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/table.hpp"

#include "common/duration.hpp"
#include "common/table.hpp"
#include "common/text.hpp"
#include "host/agent/report_table.hpp"

namespace frostline::host {

namespace {

using Rows = std::vector<std::vector<std::string>>;

/// The guest's own figure where it has one: it measures around the file systems.
std::chrono::microseconds frozen_time(const SnapshotResult& result)
{
    return result.evidence.report ? result.evidence.report->frozen : result.host_frozen;
}

} // namespace

std::string format_snapshot(const std::string& guest, const std::string& name, Level required,
                            const SnapshotResult& result, const SnapshotMethod& method)
{
    const Judgement& judgement = result.judgement;
    Rows rows{{"guest", text::printable(guest)},
              {"snapshot", name},
              {"level", std::string{level_name(judgement.level)} +
                            " (required: " + std::string{level_name(required)} + ")"},
              {"consistent", judgement.consistent ? "yes" : "NO"}};
    if (!judgement.reason.empty()) {
        rows.push_back({"because", judgement.reason});
    }
    rows.push_back({"frozen", format_duration(frozen_time(result))});
    rows.push_back({"window", format_duration(result.window)});
    std::string text = format_table(rows);
    text += "\n" + method.table();
    if (result.evidence.report) {
        text += format_report(*result.evidence.report);
    }
    return text;
}

json::Object describe_snapshot(const std::string& guest, const std::string& name, Level required,
                               const SnapshotResult& result, const SnapshotMethod& method)
{
    const Evidence& evidence = result.evidence;
    json::Object whole;
    whole.set("guest", guest);
    whole.set("name", name);
    whole.set("method", json::Value{method.name()});
    whole.set("required", json::Value{level_name(required)});
    if (result.kept) {
        whole.set("level", json::Value{level_name(result.judgement.level)});
    }
    whole.set("consistent", result.judgement.consistent);
    if (!result.judgement.reason.empty()) {
        whole.set("reason", result.judgement.reason);
    }
    whole.set("taken", result.kept);
    whole.set("thaw-confirmed", evidence.thaw_confirmed);
    whole.set("agent", evidence.frostline ? "frostline" : "qemu-ga");
    whole.set("frozen-us", std::int64_t{frozen_time(result).count()});
    whole.set("window-us", std::int64_t{result.window.count()});
    if (evidence.freeze_good) {
        whole.set("frozen-count", evidence.frozen_count);
    }
    if (evidence.thaw_count) {
        whole.set("thawed-count", *evidence.thaw_count);
    }
    if (result.kept) {
        method.describe(whole);
    }
    if (evidence.report) {
        whole.set("report", evidence.report->document);
    }
    return whole;
}

} // namespace frostline::host
