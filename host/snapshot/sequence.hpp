// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/agent_client.hpp"
#include "host/agent/thaw.hpp"
#include "host/progress.hpp"
#include "host/snapshot/judge.hpp"
#include "host/snapshot/overlay.hpp"

#include <optional>
#include <string>

namespace frostline::host {

struct SnapshotRequest {
    std::string freeze_id;
    std::optional<Millis> deadline;
    Level require = Level::app;
};

struct SnapshotResult {
    Judgement judgement;
    Evidence evidence;
    std::string problem; ///< what went wrong, for people; empty when nothing did
    bool kept = false;   ///< overlays are in use, or may be: plans() of the method tell which
    std::chrono::microseconds window{0};      ///< the switch alone
    std::chrono::microseconds host_frozen{0}; ///< freeze answer to thaw answer, as the host saw it
};

/// One guest, one snapshot: prepare, freeze, switch, thaw, judge. Whatever happens after the freeze
/// was asked for, the way out of run() goes through a thaw.
class SnapshotSequence {
public:
    SnapshotSequence(AgentClient& agent, OverlaySnapshot& method, Waiter& waiter,
                     Progress& progress, SnapshotRequest request)
        : agent_(agent), method_(method), waiter_(waiter), progress_(progress),
          request_(std::move(request))
    {}

    [[nodiscard]] SnapshotResult run();

private:
    enum class Freeze { held, refused, unclear };

    [[nodiscard]] bool prepare();
    [[nodiscard]] Freeze freeze();
    void act_while_frozen();
    void take(TimePoint until);
    void thaw();
    void clear_up_refused_freeze();
    void find_out_what_was_taken();
    void discard();
    void note(const std::string& problem);
    [[nodiscard]] std::optional<bool> freeze_in_force();
    [[nodiscard]] TimePoint give_up_at() const;

    AgentClient& agent_;
    OverlaySnapshot& method_;
    Waiter& waiter_;
    Progress& progress_;
    SnapshotRequest request_;
    SnapshotResult result_;
    TimePoint freeze_answered_;
    std::optional<TimePoint> frozen_until_; ///< when the guest's own deadline thaws it
};

} // namespace frostline::host
