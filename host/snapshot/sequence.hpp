// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/progress.hpp"
#include "host/snapshot/guest_freeze.hpp"
#include "host/snapshot/method.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// What becomes of the others when one guest of a group fails.
enum class OnError {
    abort, ///< nothing is taken of any
    skip,  ///< it is left out, and the others go on
};

/// One guest of a snapshot. Several may share one method, which then takes all of them at once.
struct Participant {
    std::string name; ///< for people
    AgentClient& agent;
    SnapshotMethod& method;
    SnapshotRequest request;
};

/// A snapshot of one guest or of a group: prepare all, freeze one after the other, take all while
/// all are frozen, thaw in reverse, judge each. Whatever happens after a freeze was asked for, the
/// way out of run() goes through that guest's thaw.
class SnapshotSequence {
public:
    SnapshotSequence(const std::vector<Participant>& guests, Waiter& waiter, Progress& progress,
                     OnError on_error = OnError::abort);

    /// A result for each guest, in their order.
    [[nodiscard]] std::vector<SnapshotResult> run();

private:
    enum class Stage { waiting, prepared, held, failed };

    struct Guest {
        std::string name;
        SnapshotMethod* method;
        GuestFreeze freeze;
        Stage stage = Stage::waiting;
        bool asked = false;     ///< to freeze
        bool owes_thaw = false; ///< it may be frozen by us
    };

    void prepare();
    void freeze_all();
    void freeze(Guest& guest);
    void take_all();
    void take(SnapshotMethod& method);
    void thaw_all();
    void find_out(SnapshotMethod& method);
    void finish(SnapshotMethod& method);
    void discard(SnapshotMethod& method);
    void fail_guest(Guest& guest);
    void give_up(const std::string& because);
    [[nodiscard]] bool given_up() const { return !given_up_.empty(); }
    [[nodiscard]] std::vector<SnapshotMethod*> methods() const;
    [[nodiscard]] std::vector<Guest*> guests_of(const SnapshotMethod& method);
    [[nodiscard]] TimePoint window_end(const std::vector<Guest*>& guests) const;
    [[nodiscard]] std::string who(const Guest& guest) const;

    Waiter& waiter_;
    Progress& progress_;
    OnError on_error_;
    std::vector<Guest> guests_;
    std::string given_up_; ///< why nothing more is taken; empty: go on
};

} // namespace frostline::host
