// SPDX-License-Identifier: Apache-2.0
#include "common/json/write.hpp"
#include "host/snapshot/table.hpp"
#include "host/snapshot_run.hpp"

namespace frostline::host {

void SnapshotRun::take()
{
    std::vector<Participant> participants;
    std::vector<SnapshotGuest*> taking_part;
    for (SnapshotGuest& guest : guests_) {
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

void SnapshotRun::write_description(SnapshotGuest& guest, const SnapshotResult& result)
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

void SnapshotRun::conclude(SnapshotGuest& guest, const SnapshotResult& result)
{
    Outcome& outcome = guest.end.outcome;
    guest.end.collateral = result.collateral;
    outcome.status = result.judgement.status;
    outcome.problem = result.problem;
    outcome.details = describe_snapshot(guest.name, name_, options_.require, result, *guest.method);
    outcome.text = guest.recovered;
    if (result.kept) {
        outcome.text += (outcome.text.empty() ? "" : "\n") +
                        format_snapshot(guest.name, name_, options_.require, result, *guest.method);
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
    for (SnapshotGuest& guest : guests_) {
        end_journal(guest);
    }
    std::vector<GuestOutcome> outcomes;
    for (SnapshotGuest& guest : guests_) {
        outcomes.push_back(std::move(guest.end));
    }
    return outcomes;
}

std::vector<GuestOutcome> run_snapshot(const Options& options, Waiter& waiter, Progress& progress)
{
    return SnapshotRun{options, waiter, progress}.run();
}

} // namespace frostline::host
