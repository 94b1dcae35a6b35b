// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/snapshot/command.hpp"
#include "host/snapshot/image_files.hpp"
#include "host/snapshot/journal.hpp"
#include "host/snapshot/lease.hpp"
#include "host/snapshot/sequence.hpp"
#include "host/target.hpp"
#include "host/verbs.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::host {

/// One guest on its way, from the connection to what is printed of it.
struct SnapshotGuest {
    std::string name;
    std::string freeze_id;
    GuestOutcome end;
    Journal journal{};
    std::string journal_path{};
    std::string recovered{}; ///< what was finished first, for people
    bool out = false;        ///< it has failed; nothing more is done with it
    std::optional<Target> target{};
    std::optional<AgentClient> agent{};
    std::optional<AgentIdentity> identity{};
    std::unique_ptr<QmpClient> monitor{};
    std::unique_ptr<SnapshotMethod> own_method{};
    SnapshotMethod* method = nullptr;
};

/// The snapshot verb: all that comes before and after the sequence, for each guest.
class SnapshotRun {
public:
    SnapshotRun(const Options& options, Waiter& waiter, Progress& progress)
        : options_(options), waiter_(waiter), progress_(progress), files_(waiter),
          name_(options.name.empty() ? name_from_now() : options.name), started_(utc_now())
    {
        for (const std::string& name : options.guests) {
            guests_.push_back({name, new_freeze_id(), {name, {}, false}});
        }
    }

    [[nodiscard]] std::vector<GuestOutcome> run();

private:
    void connect(SnapshotGuest& guest);
    [[nodiscard]] bool take_leases();
    void look(SnapshotGuest& guest);
    void connect_monitor(SnapshotGuest& guest);
    void choose_method(SnapshotGuest& guest);
    void choose_backup(SnapshotGuest& guest);
    void choose_copy(SnapshotGuest& guest);
    void share_command();
    [[nodiscard]] static CommandGuest command_guest(SnapshotGuest& guest);
    void take();
    void conclude(SnapshotGuest& guest, const SnapshotResult& result);
    void look_for_journal(SnapshotGuest& guest);
    void begin_journal(SnapshotGuest& guest);
    void end_journal(SnapshotGuest& guest);
    [[nodiscard]] OnPlan on_plan(SnapshotGuest& guest);
    void write_description(SnapshotGuest& guest, const SnapshotResult& result);

    /// Each guest that is still in; stops when one fails and that is the others' end, too.
    bool each(void (SnapshotRun::*step)(SnapshotGuest&));
    void fail_guest(SnapshotGuest& guest, ExitStatus status, const std::string& problem);
    [[nodiscard]] std::string label_of(const SnapshotGuest& guest) const
    {
        return guests_.size() == 1 ? std::string{} : file_label(guest.name);
    }

    const Options& options_;
    Waiter& waiter_;
    Progress& progress_;
    LocalImageFiles files_;
    std::string name_;
    std::string started_;
    std::deque<SnapshotGuest> guests_;
    std::optional<Lease> lease_;
    std::unique_ptr<CommandSnapshot> command_;
};

} // namespace frostline::host
