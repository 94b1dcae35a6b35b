// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/quiescer.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

enum class Outcome {
    consistent, ///< everything asked for held until the thaw that the host asked for
    degraded,   ///< a hook with OnFailure=continue failed
    aborted,    ///< rolled back
    expired,    ///< the deadline thawed it first
    recovered,  ///< the agent or a session hook died while frozen
};

enum class FsResult {
    frozen,         ///< and thawed by us
    synced,         ///< cannot freeze: written back only
    skipped,        ///< left out; the reason says why
    failed,         ///< the reason says why
    already_frozen, ///< by somebody else
    lost,           ///< frozen by us, but thawed by somebody else before our thaw
};

struct PhaseRecord {
    std::string name; ///< plan, presync, hooks, freeze, frozen, thaw, release, thaw-hooks
    std::chrono::microseconds start{0}; ///< since Report::started
    std::chrono::microseconds duration{0};
};

struct FsRecord {
    std::string mount_point;
    std::string type;
    std::string device;
    FsResult result = FsResult::skipped;
    std::string reason;
    std::chrono::microseconds start{0};
    std::chrono::microseconds duration{0}; ///< of the FIFREEZE call
};

/// What happened in one freeze, from the request to the last thaw hook (contracts, section 4).
struct Report {
    std::string id;
    Outcome outcome = Outcome::aborted;
    bool finished = false; ///< false: still going on, outcome is what it would be now
    std::chrono::system_clock::time_point started;
    system::EventLoop::TimePoint started_at; ///< the same moment, on the loop's clock
    std::chrono::microseconds frozen{0};     ///< first FIFREEZE returned to last FITHAW returned
    std::vector<PhaseRecord> phases;
    std::vector<hooks::HookRecord> hooks;
    std::vector<FsRecord> filesystems;
    std::optional<std::string> error;
};

} // namespace frostline::freeze
