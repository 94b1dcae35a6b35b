// SPDX-License-Identifier: Apache-2.0
#include "common/table.hpp"
#include "common/text.hpp"
#include "host/libvirt/domain_committer.hpp"
#include "host/qmp/qmp_committer.hpp"
#include "host/snapshot/commit.hpp"
#include "host/snapshot/lease.hpp"
#include "host/snapshot/method.hpp"
#include "host/target.hpp"
#include "host/verbs.hpp"

namespace frostline::host {

namespace {

Result<std::string> find_description(Committer& committer, ImageFiles& files,
                                     const std::string& name, const std::string& label,
                                     TimePoint until)
{
    const auto current = committer.current(until);
    if (!current) {
        return fail(current.error());
    }
    // It lies beside the first overlay, which the guest may have left already.
    for (const std::string& file : {description_file(name, {}), description_file(name, label)}) {
        for (const auto& [disk, path] : *current) {
            const std::string candidate = path.substr(0, path.rfind('/') + 1) + file;
            if (files.exists(candidate)) {
                return candidate;
            }
        }
    }
    return fail(ErrorKind::not_found,
                "there is no " + description_file(name, {}) +
                    " beside the images that the guest "
                    "uses; if the overlays lie elsewhere, say where by --overlay-dir");
}

class CommitRun {
public:
    CommitRun(const Options& options, Waiter& waiter, Progress& progress)
        : options_(options), waiter_(waiter), progress_(progress), files_(waiter)
    {}

    [[nodiscard]] Outcome run(const std::string& guest);

private:
    [[nodiscard]] Outcome fold(const std::string& guest, Committer& committer);
    [[nodiscard]] TimePoint soon() const { return waiter_.now() + limits_of(options_).answer; }

    const Options& options_;
    Waiter& waiter_;
    Progress& progress_;
    LocalImageFiles files_;
};

Outcome CommitRun::fold(const std::string& guest, Committer& committer)
{
    const std::string label = file_label(guest);
    std::string description =
        options_.overlay_directory + "/" + description_file(options_.name, {});
    if (options_.overlay_directory.empty() || !files_.exists(description)) {
        const Result<std::string> found =
            find_description(committer, files_, options_.name, label, soon());
        if (!found) {
            return failed(ExitStatus::snapshot_failed, found.error().message());
        }
        description = *found;
    }
    const Result<std::string> text = files_.read(description);
    if (!text) {
        return failed(ExitStatus::snapshot_failed, text.error().message());
    }
    const Result<std::vector<CommitDisk>> disks = read_description(*text);
    if (!disks) {
        return failed(ExitStatus::snapshot_failed, description + ": " + disks.error().message());
    }
    const CommitResult result =
        Commit{committer, files_, waiter_, progress_, limits_of(options_).answer}.run(*disks,
                                                                                      description);
    Outcome outcome;
    outcome.status = result.good ? ExitStatus::consistent : ExitStatus::snapshot_failed;
    outcome.problem = result.problem;
    std::vector<std::vector<std::string>> rows{{"DISK", "RESULT"}};
    json::Array list;
    for (const CommitRow& row : result.rows) {
        rows.push_back({row.label, text::printable(row.result)});
        json::Object one;
        one.set("disk", row.label);
        one.set("folded", row.good);
        one.set("result", row.result);
        list.emplace_back(std::move(one));
    }
    if (!result.rows.empty()) {
        outcome.text = format_table(rows);
    }
    outcome.details.set("name", options_.name);
    outcome.details.set("method", "commit");
    outcome.details.set("disks", std::move(list));
    return outcome;
}

Outcome CommitRun::run(const std::string& guest)
{
    const Result<Target> target = reach(options_, guest, waiter_);
    if (!target) {
        const bool never = target.error().kind() == ErrorKind::unsupported;
        return failed(never ? ExitStatus::usage : ExitStatus::unreachable,
                      target.error().message());
    }
    const Result<Lease> lease =
        Lease::take(options_.lease_directory, lease_keys(options_, *target));
    if (!lease) {
        return failed(ExitStatus::snapshot_failed, lease.error().message());
    }
    if (target->domain() != nullptr) {
        DomainCommitter committer{*target->domain()};
        return fold(guest, committer);
    }
    const Result<std::unique_ptr<QmpClient>> monitor = reach_monitor(options_, waiter_, soon());
    if (!monitor) {
        return failed(status_without_monitor(monitor.error()), monitor.error().message());
    }
    QmpCommitter committer{**monitor, directory_of(**monitor)};
    return fold(guest, committer);
}

} // namespace

std::vector<GuestOutcome> run_commit(const Options& options, Waiter& waiter, Progress& progress)
{
    std::vector<GuestOutcome> outcomes;
    for (const std::string& guest : options.guests) {
        outcomes.push_back({guest, CommitRun{options, waiter, progress}.run(guest), false});
        if (outcomes.back().outcome.status != ExitStatus::consistent && !options.skip_failed) {
            break;
        }
    }
    return outcomes;
}

} // namespace frostline::host
