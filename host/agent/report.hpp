// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a guest tells about itself, in the words of contracts section 4; times as durations.
namespace frostline::host {

struct PhaseRow {
    std::string name;
    std::chrono::microseconds start{0}; ///< since the request
    std::chrono::microseconds duration{0};
};

struct HookRow {
    std::string name;
    int stage = 0;
    std::string phase;
    std::string result;
    std::chrono::microseconds duration{0};
    std::string error_output;
};

struct FilesystemRow {
    std::string mount_point;
    std::string type;
    std::string device;
    std::string result;
    std::string reason;
    std::chrono::microseconds duration{0};
};

struct FreezeReport {
    std::string id;
    std::string outcome;
    std::chrono::microseconds frozen{0};
    std::vector<PhaseRow> phases;
    std::vector<HookRow> hooks;
    std::vector<FilesystemRow> filesystems;
    std::optional<std::string> error;
    /// Where the report has a word that this version doesn't know ("the result of hook db"): what
    /// it means for the snapshot can't be told. Empty: nowhere.
    std::string unclear;
    json::Value document; ///< the whole, as it came, for files and --json
};

struct GuestState {
    bool frozen = false; ///< something is held, or a freeze or thaw is under way
    std::string state;   ///< the guest's word: thawed, frozen, or a Frostline state
    std::optional<std::string> id;
    std::optional<std::chrono::milliseconds> deadline_remaining;
    std::vector<std::string> owed_hooks; ///< whose thaw has not succeeded yet
    std::optional<FreezeReport> last;
    json::Value document;
};

struct HookEntry {
    std::string name;
    int stage = 0;
    std::string type;
    std::string path;
    std::string state;
    std::string reason;
    std::string check; ///< result of its check run; empty when none was asked for
    json::Value document;
};

struct AgentIdentity {
    bool frostline = false;
    std::string version;
    std::vector<std::string> commands; ///< the enabled ones
};

struct FreezeResult {
    std::int64_t count = 0; ///< file systems held
    std::optional<FreezeReport> report;
};

struct ThawResult {
    std::int64_t count = 0;
    std::optional<FreezeReport> report;
};

/// How a program in the guest is doing.
struct ExecState {
    bool exited = false;
    std::optional<std::int64_t> exit_status; ///< nullopt: a signal ended it
    std::optional<std::int64_t> signal;
    std::string output; ///< only after its end
    std::string errors;
    bool truncated = false; ///< there was more than the guest keeps
};

} // namespace frostline::host
