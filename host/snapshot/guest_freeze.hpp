// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/agent_client.hpp"
#include "host/agent/thaw.hpp"
#include "host/snapshot/judge.hpp"

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
    std::string problem;     ///< what went wrong, for people; empty when nothing did
    bool collateral = false; ///< nothing was wrong with this guest, but with another of its group
    bool kept = false;       ///< the snapshot is there, or may be: the method tells what it took
    std::chrono::microseconds window{0};      ///< what was done while frozen, alone
    std::chrono::microseconds host_frozen{0}; ///< freeze answer to thaw answer, as the host saw it
};

/// One guest's way from the freeze to the confirmed thaw, and the evidence gathered on it.
class GuestFreeze {
public:
    enum class Freeze { held, refused, unclear };

    GuestFreeze(AgentClient& agent, Waiter& waiter, SnapshotRequest request);

    /// `unclear` needs a thaw(), `refused` a clear_up().
    [[nodiscard]] Freeze freeze();
    /// Looks just before something is taken; false: don't take it, and why is noted.
    [[nodiscard]] bool holds_before();
    void look_after();
    void thaw();
    /// The guest has undone its attempt before it said no. What is frozen now may be somebody
    /// else's, which is never ours to thaw; only what carries our id is.
    void clear_up();

    /// When the guest thaws itself, at the earliest; nullopt: nobody has said.
    [[nodiscard]] std::optional<TimePoint> ends() const;
    [[nodiscard]] Millis answer_limit() const { return agent_.limits().answer; }
    [[nodiscard]] const SnapshotRequest& request() const { return request_; }
    [[nodiscard]] SnapshotResult& result() { return result_; }

    /// One more thing that went wrong.
    void note(const std::string& problem);

private:
    [[nodiscard]] std::optional<bool> in_force();
    [[nodiscard]] TimePoint give_up_at() const;

    AgentClient& agent_;
    Waiter& waiter_;
    SnapshotRequest request_;
    SnapshotResult result_;
    TimePoint freeze_answered_;
    std::optional<TimePoint> frozen_until_; ///< when the guest's own deadline thaws it
};

} // namespace frostline::host
