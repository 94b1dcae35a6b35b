// SPDX-License-Identifier: Apache-2.0
#include "host/recovery.hpp"

#include "common/json/write.hpp"
#include "common/text.hpp"
#include "host/agent/thaw.hpp"
#include "host/libvirt/domain_disks.hpp"
#include "host/qmp/qmp_cleanup.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <algorithm>

namespace frostline::host {

/// Only the freeze of that run, where the agent can tell.
bool Recovery::thaw(const Target& target)
{
    progress_.phase("looking whether " + journal_.guest + " is frozen");
    AgentClient agent{target.agent(), waiter_, Limits{}};
    const Result<AgentIdentity> identity = agent.identify();
    const Result<GuestState> state =
        identity ? agent.state() : Result<GuestState>{fail(identity.error())};
    if (!state) {
        left("nobody knows whether the guest is frozen: " + state.error().message());
        return false;
    }
    const bool ours = state->frozen && (!agent.frostline() || state->id == journal_.freeze_id);
    if (!ours) {
        return true;
    }
    const ThawOutcome outcome = confirm_thaw(
        agent, waiter_, agent.frostline() ? std::optional{journal_.freeze_id} : std::nullopt,
        waiter_.now() + Limits{}.recovery);
    if (!outcome.confirmed) {
        left("the thaw is NOT confirmed (" + outcome.last_problem + ")");
        return false;
    }
    done("thawed the guest");
    return true;
}

void Recovery::remove(const std::string& file)
{
    if (!files_.exists(file)) {
        return;
    }
    if (const Result<void> removed = files_.remove(file); !removed) {
        left(removed.error().message());
    } else {
        done("removed " + file);
    }
}

/// The guest writes to the overlays: the old images are a snapshot, of which nothing is proven.
void Recovery::keep_snapshot()
{
    done("the disks are switched: the snapshot " + journal_.name + " is there, at level crash");
    const Result<std::string> text = files_.read(journal_.description);
    if (text && !text->empty()) {
        return;
    }
    json::Object whole;
    whole.set("guest", journal_.guest);
    whole.set("name", journal_.name);
    whole.set("method", journal_.method);
    whole.set("level", "crash");
    whole.set("consistent", false);
    whole.set("reason", "the run that took it died; nothing proves that the freeze held");
    whole.set("recovered", true);
    json::Array disks;
    for (const JournalDisk& disk : journal_.disks) {
        json::Object one;
        one.set("disk", disk.label);
        one.set("snapshot", disk.base);
        one.set("overlay", disk.target);
        disks.emplace_back(std::move(one));
    }
    whole.set("disks", std::move(disks));
    const Result<void> written =
        files_.replace(journal_.description, json::write_pretty(json::Value{std::move(whole)}));
    if (!written) {
        left(written.error().message());
    } else {
        done("written down in " + journal_.description);
    }
}

void Recovery::remove_or_keep(const std::vector<std::string>& in_use)
{
    const auto used = [&in_use](const JournalDisk& disk) {
        return std::find(in_use.begin(), in_use.end(), disk.target) != in_use.end();
    };
    const auto count = std::count_if(journal_.disks.begin(), journal_.disks.end(), used);
    if (journal_.method == "overlay" && count > 0 &&
        count == static_cast<std::ptrdiff_t>(journal_.disks.size())) {
        return keep_snapshot();
    }
    for (const JournalDisk& disk : journal_.disks) {
        if (used(disk)) {
            left(disk.target + " is in use, others of this snapshot are not: look at it by hand");
        } else {
            remove(disk.target);
        }
    }
    if (count == 0 && !journal_.description.empty()) {
        remove(journal_.description);
    }
}

void Recovery::clean_up_domain(Domain& domain)
{
    if (journal_.method == "backup") {
        const Result<bool> marked = domain.has_checkpoint(journal_.mark);
        const Result<Domain::BackupJob> job = domain.backup_job();
        if (job && job->running && marked && *marked) {
            if (const Result<void> ended = domain.cancel_backup(); !ended) {
                left(ended.error().message());
            } else {
                done("ended the backup");
            }
        }
        if (const Result<void> forgotten = domain.forget_checkpoint(journal_.mark); !forgotten) {
            left(forgotten.error().message());
        }
    }
    for (const JournalDisk& disk : journal_.disks) {
        const Result<Domain::BlockJob> job =
            journal_.method == "copy" ? domain.block_job(disk.label) : Domain::BlockJob{};
        if (job && job->there) {
            if (const Result<void> ended = domain.end_block_job(disk.label, false); !ended) {
                left(ended.error().message());
            } else {
                done("ended the copy of disk " + disk.label);
            }
        }
    }
    const Result<std::string> description = domain.xml();
    const Result<std::vector<std::string>> in_use =
        description ? all_sources(*description)
                    : Result<std::vector<std::string>>{fail(description.error())};
    if (!in_use) {
        return left(in_use.error().message()); // what may be in use stays
    }
    remove_or_keep(*in_use);
}

void Recovery::clean_up_qemu(Monitor& monitor)
{
    for (const std::string& one : end_jobs(monitor, journal_.jobs, soon())) {
        left(one);
    }
    for (const std::string& one : remove_bitmaps(monitor, journal_.mark, soon())) {
        left(one);
    }
    const Result<json::Value> blocks = ask(monitor, "query-block", soon());
    if (!blocks) {
        return left(blocks.error().message());
    }
    const std::string devices = json::write(*blocks);
    std::vector<std::string> in_use;
    for (const JournalDisk& disk : journal_.disks) {
        // The whole chain of each device is told there.
        if (devices.find(json::write(json::Value{disk.target})) != std::string::npos) {
            in_use.push_back(disk.target);
            continue;
        }
        for (const std::string& one : remove_node(monitor, disk.node, soon())) {
            left(one);
            in_use.push_back(disk.target);
        }
    }
    remove_or_keep(in_use);
}

void Recovery::clean_up(const Target& target)
{
    if (journal_.disks.empty()) {
        return;
    }
    progress_.phase("looking what is left of the snapshot of " + journal_.guest);
    if (target.domain() != nullptr) {
        return clean_up_domain(*target.domain());
    }
    const Result<std::unique_ptr<QmpClient>> monitor = reach_monitor(options_, waiter_, soon());
    if (!monitor) {
        return left(monitor.error().message());
    }
    clean_up_qemu(**monitor);
}

Outcome Recovery::finish(bool thawed)
{
    if (left_.empty()) {
        if (const Result<void> removed = files_.remove(path_); !removed) {
            left(removed.error().message());
        }
    }
    if (done_.empty() && left_.empty()) {
        done("nothing was left but its journal");
    }
    Outcome outcome;
    json::Array steps;
    for (const std::string& step : done_) {
        outcome.text += journal_.guest + ": " + text::printable(step, 4096) + "\n";
        steps.emplace_back(step);
    }
    outcome.details.set("done", std::move(steps));
    outcome.problem = text::join(left_, "; ");
    outcome.status = !thawed         ? ExitStatus::thaw_unconfirmed
                     : left_.empty() ? ExitStatus::consistent
                                     : ExitStatus::snapshot_failed;
    return outcome;
}

Outcome Recovery::run(const Target& target)
{
    const bool thawed = thaw(target);
    clean_up(target);
    return finish(thawed);
}

} // namespace frostline::host
