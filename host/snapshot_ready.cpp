// SPDX-License-Identifier: Apache-2.0
// What comes before the sequence: the guests are reached, leased and looked at.
#include "host/recovery.hpp"
#include "host/snapshot_run.hpp"

#include <algorithm>

namespace frostline::host {

void SnapshotRun::fail_guest(SnapshotGuest& guest, ExitStatus status, const std::string& problem)
{
    guest.out = true;
    guest.end.outcome.status = status;
    guest.end.outcome.problem = problem;
}

bool SnapshotRun::each(void (SnapshotRun::*step)(SnapshotGuest&))
{
    for (SnapshotGuest& guest : guests_) {
        if (guest.out) {
            continue;
        }
        (this->*step)(guest);
        if (!guest.out || options_.skip_failed) {
            continue;
        }
        for (SnapshotGuest& other : guests_) {
            if (!other.out) {
                fail_guest(other, guest.end.outcome.status, "given up because of " + guest.name);
                other.end.collateral = true;
            }
        }
    }
    return std::any_of(guests_.begin(), guests_.end(),
                       [](const SnapshotGuest& one) { return !one.out; });
}

void SnapshotRun::connect(SnapshotGuest& guest)
{
    Result<Target> target = reach(options_, guest.name, waiter_);
    if (!target) {
        const bool never = target.error().kind() == ErrorKind::unsupported;
        return fail_guest(guest, never ? ExitStatus::usage : ExitStatus::unreachable,
                          target.error().message());
    }
    guest.target.emplace(std::move(*target));
    guest.agent.emplace(guest.target->agent(), waiter_, limits_of(options_));
}

/// All or none, in one order for everybody.
bool SnapshotRun::take_leases()
{
    std::vector<std::string> keys;
    for (const SnapshotGuest& guest : guests_) {
        if (guest.out) {
            continue;
        }
        for (std::string& key : lease_keys(options_, *guest.target)) {
            keys.push_back(std::move(key));
        }
    }
    Result<Lease> lease = Lease::take(options_.lease_directory, keys);
    if (!lease) {
        for (SnapshotGuest& guest : guests_) {
            if (!guest.out) {
                fail_guest(guest, ExitStatus::snapshot_failed, lease.error().message());
            }
        }
        return false;
    }
    lease_ = std::move(*lease);
    return true;
}

void SnapshotRun::look_for_journal(SnapshotGuest& guest)
{
    guest.journal_path =
        Lease::journal_path(options_.lease_directory, lease_keys(options_, *guest.target));
    if (!files_.exists(guest.journal_path)) {
        return;
    }
    // A run that died; its leases were free. What it has left is finished before anything new
    // begins.
    Result<Journal> journal = load_journal(files_, guest.journal_path);
    if (!journal) {
        return fail_guest(guest, ExitStatus::snapshot_failed, journal.error().message());
    }
    if (options_.qmp) {
        journal->qmp = options_.qmp; // the way of now; that of then may be gone
    }
    const Outcome recovered =
        Recovery{std::move(*journal), guest.journal_path, waiter_, progress_}.run(*guest.target);
    if (recovered.status != ExitStatus::consistent) {
        return fail_guest(guest, recovered.status,
                          "an earlier run on this guest has died, and what it has left can't be "
                          "finished: " +
                              recovered.problem);
    }
    guest.recovered = "an earlier run on this guest had died:\n" + recovered.text;
}

/// Written down before anything is frozen or made, and taken away when all is well again.
void SnapshotRun::begin_journal(SnapshotGuest& guest)
{
    guest.journal = {guest.name,
                     options_.connect,
                     options_.socket,
                     options_.qmp,
                     guest.freeze_id,
                     std::string{guest.method->name()},
                     name_,
                     {},
                     {},
                     {},
                     {}};
    const Result<void> written = files_.replace(guest.journal_path, write_journal(guest.journal));
    if (!written) {
        fail_guest(guest, ExitStatus::snapshot_failed,
                   written.error().message() + "; choose another folder with --lease-dir");
    }
}

OnPlan SnapshotRun::on_plan(SnapshotGuest& guest)
{
    return [this, &guest](std::vector<JournalDisk> disks, std::string description, std::string jobs,
                          std::string mark) {
        guest.journal.disks = std::move(disks);
        guest.journal.description = std::move(description);
        guest.journal.jobs = std::move(jobs);
        guest.journal.mark = std::move(mark);
        return files_.replace(guest.journal_path, write_journal(guest.journal));
    };
}

/// One whose thaw isn't confirmed stays on record.
void SnapshotRun::end_journal(SnapshotGuest& guest)
{
    Outcome& outcome = guest.end.outcome;
    if (guest.journal.guest.empty() || outcome.status == ExitStatus::thaw_unconfirmed) {
        return;
    }
    if (const Result<void> removed = files_.remove(guest.journal_path); !removed) {
        outcome.problem += (outcome.problem.empty() ? "" : "; ") + removed.error().message();
    }
}

void SnapshotRun::look(SnapshotGuest& guest)
{
    progress_.phase("asking " + guest.name);
    const Result<AgentIdentity> identity = guest.agent->identify();
    if (!identity) {
        return fail_guest(guest, ExitStatus::unreachable, identity.error().message());
    }
    guest.identity = *identity;
    set_agent(guest.end.outcome, *identity);
    const Result<GuestState> before = guest.agent->state();
    if (!before) {
        return fail_guest(guest, ExitStatus::unreachable, before.error().message());
    }
    if (before->frozen) {
        fail_guest(guest, ExitStatus::freeze_failed,
                   "the guest is frozen already, by somebody else (" + before->state +
                       "); if nobody works on it: frostline thaw");
    }
}

void SnapshotRun::connect_monitor(SnapshotGuest& guest)
{
    if (!options_.qmp) {
        return;
    }
    const TimePoint until = waiter_.now() + guest.agent->limits().answer;
    progress_.phase("connecting to QEMU");
    Result<std::unique_ptr<QmpClient>> monitor = reach_monitor(options_, waiter_, until);
    if (!monitor) {
        return fail_guest(guest, status_without_monitor(monitor.error()),
                          monitor.error().message());
    }
    guest.monitor = std::move(*monitor);
}

} // namespace frostline::host
