// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace frostline::freeze {

enum class ForeignFreeze { fail, report };
enum class LapseStatus { thawed, frozen };
enum class LapseReply { error, count };

/// The [freeze] group of the configuration (contracts, section 2).
struct Settings {
    std::chrono::milliseconds deadline{60'000}; ///< 0: none
    std::chrono::milliseconds hook_budget{60'000};
    std::chrono::milliseconds thaw_reply_limit{2'000};
    bool presync = true;
    std::chrono::milliseconds presync_budget{30'000};
    int parallel = 8;
    std::vector<std::string> exclude;
    std::vector<std::string> sync_only;
    ForeignFreeze foreign = ForeignFreeze::fail;
    LapseStatus lapse_status = LapseStatus::thawed;
    LapseReply lapse_reply = LapseReply::error;
    std::string run_directory = "/run/frostline";
    std::string guard_program = "/usr/lib/frostline/frostline-guard";
};

} // namespace frostline::freeze
