// SPDX-License-Identifier: Apache-2.0
#include "host/agent/report_table.hpp"

#include "common/duration.hpp"
#include "common/table.hpp"
#include "common/text.hpp"

#include <string>
#include <vector>

namespace frostline::host {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string remark_of(const HookRow& hook)
{
    return text::printable(text::last_line(hook.error_output), 120);
}

} // namespace

std::string format_report(const FreezeReport& report)
{
    std::string text;
    if (!report.hooks.empty()) {
        Rows rows{{"HOOK", "STAGE", "PHASE", "RESULT", "TIME", "REMARK"}};
        for (const HookRow& hook : report.hooks) {
            rows.push_back({hook.name, std::to_string(hook.stage), hook.phase, hook.result,
                            format_duration(hook.duration), remark_of(hook)});
        }
        text += "\n" + format_table(rows);
    }
    if (!report.filesystems.empty()) {
        Rows rows{{"FILE SYSTEM", "TYPE", "DEVICE", "RESULT", "TIME", "REMARK"}};
        for (const FilesystemRow& row : report.filesystems) {
            rows.push_back({row.mount_point, row.type, row.device, row.result,
                            format_duration(row.duration), row.reason});
        }
        text += "\n" + format_table(rows);
    }
    return text;
}

} // namespace frostline::host
