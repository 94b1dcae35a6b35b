// SPDX-License-Identifier: Apache-2.0
#include "common/json/write.hpp"
#include "common/text.hpp"
#include "host/libvirt/domain_backup.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/libvirt/domain_overlay.hpp"
#include "host/qmp/qmp_backup.hpp"
#include "host/snapshot/command.hpp"
#include "host/snapshot/journal.hpp"
#include "host/snapshot/lease.hpp"
#include "host/snapshot/overlay.hpp"
#include "host/snapshot/qemu_checks.hpp"
#include "host/snapshot/sequence.hpp"
#include "host/snapshot/table.hpp"
#include "host/target.hpp"
#include "host/verbs.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>

namespace frostline::host {

namespace {

/// By which the files of its backups are told apart: a domain's name, or the end of a socket's
/// path.
std::string backup_label(const std::string& name)
{
    const std::string end = name.substr(name.rfind('/') + 1);
    return file_label(end.empty() ? "guest" : end);
}

using NamedPaths = std::vector<std::pair<std::string, std::string>>;

NamedPaths paths_of(const std::vector<Disk>& disks)
{
    NamedPaths paths;
    for (const Disk& disk : disks) {
        paths.emplace_back(disk.label, disk.base);
    }
    return paths;
}

/// One guest on its way, from the connection to what is printed of it.
struct Guest {
    std::string name;
    std::string freeze_id;
    GuestOutcome end;
    Journal journal{};
    std::string journal_path{};
    bool out = false; ///< it has failed; nothing more is done with it
    std::optional<Target> target{};
    std::optional<AgentClient> agent{};
    std::optional<AgentIdentity> identity{};
    std::unique_ptr<QmpClient> monitor{};
    std::unique_ptr<SnapshotMethod> own_method{};
    SnapshotMethod* method = nullptr;
};

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
    void connect(Guest& guest);
    [[nodiscard]] bool take_leases();
    void look(Guest& guest);
    void connect_monitor(Guest& guest);
    void choose_method(Guest& guest);
    void choose_backup(Guest& guest);
    void share_command();
    [[nodiscard]] static CommandGuest command_guest(Guest& guest);
    void take();
    void conclude(Guest& guest, const SnapshotResult& result);
    void look_for_journal(Guest& guest);
    void begin_journal(Guest& guest);
    void end_journal(Guest& guest);
    [[nodiscard]] OnPlan on_plan(Guest& guest);
    void write_description(Guest& guest, const SnapshotResult& result);

    /// Each guest that is still in; stops when one fails and that is the others' end, too.
    bool each(void (SnapshotRun::*step)(Guest&));
    void fail_guest(Guest& guest, ExitStatus status, const std::string& problem);
    [[nodiscard]] std::string label_of(const Guest& guest) const
    {
        return guests_.size() == 1 ? std::string{} : file_label(guest.name);
    }

    const Options& options_;
    Waiter& waiter_;
    Progress& progress_;
    LocalImageFiles files_;
    std::string name_;
    std::string started_;
    std::deque<Guest> guests_;
    std::optional<Lease> lease_;
    std::unique_ptr<CommandSnapshot> command_;
};

void SnapshotRun::fail_guest(Guest& guest, ExitStatus status, const std::string& problem)
{
    guest.out = true;
    guest.end.outcome.status = status;
    guest.end.outcome.problem = problem;
}

bool SnapshotRun::each(void (SnapshotRun::*step)(Guest&))
{
    for (Guest& guest : guests_) {
        if (guest.out) {
            continue;
        }
        (this->*step)(guest);
        if (!guest.out || options_.skip_failed) {
            continue;
        }
        for (Guest& other : guests_) {
            if (!other.out) {
                fail_guest(other, guest.end.outcome.status, "given up because of " + guest.name);
                other.end.collateral = true;
            }
        }
    }
    return std::any_of(guests_.begin(), guests_.end(), [](const Guest& one) { return !one.out; });
}

void SnapshotRun::connect(Guest& guest)
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
    for (const Guest& guest : guests_) {
        if (guest.out) {
            continue;
        }
        for (std::string& key : lease_keys(options_, *guest.target)) {
            keys.push_back(std::move(key));
        }
    }
    Result<Lease> lease = Lease::take(options_.lease_directory, keys);
    if (!lease) {
        for (Guest& guest : guests_) {
            if (!guest.out) {
                fail_guest(guest, ExitStatus::snapshot_failed, lease.error().message());
            }
        }
        return false;
    }
    lease_ = std::move(*lease);
    return true;
}

void SnapshotRun::look_for_journal(Guest& guest)
{
    guest.journal_path =
        Lease::journal_path(options_.lease_directory, lease_keys(options_, *guest.target));
    if (files_.exists(guest.journal_path)) {
        fail_guest(guest, ExitStatus::snapshot_failed,
                   "an earlier run on this guest has died and left things behind; finish it by "
                   "\"frostline recover\" first");
    }
}

/// Written down before anything is frozen or made, and taken away when all is well again.
void SnapshotRun::begin_journal(Guest& guest)
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

OnPlan SnapshotRun::on_plan(Guest& guest)
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

void SnapshotRun::look(Guest& guest)
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

void SnapshotRun::connect_monitor(Guest& guest)
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

void SnapshotRun::choose_method(Guest& guest)
{
    if (!options_.backup_directory.empty()) {
        return choose_backup(guest);
    }
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        guest.own_method = std::make_unique<DomainOverlaySnapshot>(
            *domain, files_,
            OverlayFiles::Settings{
                name_, label_of(guest), options_.overlay_directory, {}, on_plan(guest)});
    } else {
        guest.own_method = std::make_unique<OverlaySnapshot>(
            *guest.monitor, files_,
            OverlaySnapshot::Settings{name_, options_.overlay_directory,
                                      directory_of(*guest.monitor), new_freeze_id().substr(0, 18),
                                      on_plan(guest)});
    }
    guest.method = guest.own_method.get();
}

void SnapshotRun::choose_backup(Guest& guest)
{
    BackupFiles::Settings files{name_, backup_label(guest.name), options_.backup_directory,
                                options_.incremental, on_plan(guest)};
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        guest.own_method = std::make_unique<DomainBackup>(*domain, files_, std::move(files));
        guest.method = guest.own_method.get();
        return;
    }
    guest.own_method = std::make_unique<QmpBackup>(
        *guest.monitor, files_,
        QmpBackup::Settings{std::move(files), directory_of(*guest.monitor),
                            new_freeze_id().substr(0, 18), limits_of(options_).answer});
    guest.method = guest.own_method.get();
}

CommandGuest SnapshotRun::command_guest(Guest& guest)
{
    CommandGuest told{guest.name, guest.freeze_id, {}};
    if (Domain* domain = guest.target->domain(); domain != nullptr) {
        told.disks = [domain](TimePoint) -> Result<NamedPaths> {
            const Result<std::string> description = domain->xml();
            if (!description) {
                return fail(description.error());
            }
            return writable_sources(*description);
        };
    } else if (guest.monitor) {
        told.disks = [&guest](TimePoint until) -> Result<NamedPaths> {
            const Result<std::vector<Disk>> disks =
                ask_for_disks(*guest.monitor, directory_of(*guest.monitor), until);
            if (!disks) {
                return fail(disks.error());
            }
            return paths_of(*disks);
        };
    }
    return told;
}

void SnapshotRun::share_command()
{
    std::vector<CommandGuest> told;
    for (Guest& guest : guests_) {
        if (!guest.out) {
            told.push_back(command_guest(guest));
        }
    }
    command_ = std::make_unique<CommandSnapshot>(
        waiter_, std::move(told),
        CommandSnapshot::Settings{name_, options_.command, options_.report_directory});
    for (Guest& guest : guests_) {
        guest.method = command_.get();
    }
}

void SnapshotRun::take()
{
    std::vector<Participant> participants;
    std::vector<Guest*> taking_part;
    for (Guest& guest : guests_) {
        if (!guest.out) {
            participants.push_back({guest.name,
                                    *guest.agent,
                                    *guest.method,
                                    {guest.freeze_id, options_.deadline, options_.require}});
            taking_part.push_back(&guest);
        }
    }
    SnapshotSequence sequence{participants, waiter_, progress_,
                              options_.skip_failed ? OnError::skip : OnError::abort};
    const std::vector<SnapshotResult> results = sequence.run();
    progress_.done();
    for (std::size_t i = 0; i < results.size(); ++i) {
        conclude(*taking_part[i], results[i]);
    }
}

void SnapshotRun::write_description(Guest& guest, const SnapshotResult& result)
{
    Outcome& outcome = guest.end.outcome;
    const std::string folder = guest.method->description_folder();
    if (folder.empty()) {
        return;
    }
    json::Object whole = outcome.details;
    whole.set("tool", "frostline " FROSTLINE_VERSION);
    whole.set("started", started_);
    whole.set("finished", utc_now());
    whole.set("exit-status", static_cast<int>(result.judgement.status));
    if (!result.problem.empty()) {
        whole.set("problem", result.problem);
    }
    const std::string label = guest.method->description_label().value_or(label_of(guest));
    const std::string path = folder + "/" + description_file(name_, label);
    outcome.details.set("description", path);
    const Result<void> written = files_.replace(path, json::write_pretty(json::Value{whole}));
    if (!written) {
        outcome.problem += (outcome.problem.empty() ? "" : "; ") + written.error().message();
    } else {
        outcome.text += "\nwritten down in " + path + "\n";
    }
}

void SnapshotRun::conclude(Guest& guest, const SnapshotResult& result)
{
    Outcome& outcome = guest.end.outcome;
    guest.end.collateral = result.collateral;
    outcome.status = result.judgement.status;
    outcome.problem = result.problem;
    outcome.details = describe_snapshot(guest.name, name_, options_.require, result, *guest.method);
    if (result.kept) {
        outcome.text = format_snapshot(guest.name, name_, options_.require, result, *guest.method);
        write_description(guest, result);
        if (outcome.status == ExitStatus::not_consistent && outcome.problem.empty()) {
            outcome.problem = "the snapshot is taken, but at level " +
                              std::string{level_name(result.judgement.level)} + ": " +
                              result.judgement.reason;
        }
    } else if (outcome.status != ExitStatus::thaw_unconfirmed) {
        outcome.problem += "; no snapshot was taken, and the guest is not frozen";
    }
    set_agent(outcome, *guest.identity);
}

/// One whose thaw isn't confirmed stays on record.
void SnapshotRun::end_journal(Guest& guest)
{
    Outcome& outcome = guest.end.outcome;
    if (guest.journal.guest.empty() || outcome.status == ExitStatus::thaw_unconfirmed) {
        return;
    }
    if (const Result<void> removed = files_.remove(guest.journal_path); !removed) {
        outcome.problem += (outcome.problem.empty() ? "" : "; ") + removed.error().message();
    }
}

std::vector<GuestOutcome> SnapshotRun::run()
{
    const bool ready = each(&SnapshotRun::connect) && take_leases() &&
                       each(&SnapshotRun::look_for_journal) &&
                       each(&SnapshotRun::connect_monitor) && each(&SnapshotRun::look);
    if (ready) {
        if (options_.command.empty()) {
            each(&SnapshotRun::choose_method);
        } else {
            share_command();
        }
        if (each(&SnapshotRun::begin_journal)) {
            take();
        }
    }
    for (Guest& guest : guests_) {
        end_journal(guest);
    }
    std::vector<GuestOutcome> outcomes;
    for (Guest& guest : guests_) {
        outcomes.push_back(std::move(guest.end));
    }
    return outcomes;
}

} // namespace

std::vector<GuestOutcome> run_snapshot(const Options& options, Waiter& waiter, Progress& progress)
{
    return SnapshotRun{options, waiter, progress}.run();
}

} // namespace frostline::host
