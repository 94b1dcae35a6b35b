// SPDX-License-Identifier: Apache-2.0
#include "common/json/write.hpp"
#include "host/qmp/qmp_client.hpp"
#include "host/snapshot/lease.hpp"
#include "host/snapshot/qemu_checks.hpp"
#include "host/snapshot/table.hpp"
#include "host/verbs.hpp"

#include <cstdlib>
#include <filesystem>

namespace frostline::host {

namespace {

/// Where QEMU was started, for disks given by relative paths. Empty: can't be known.
std::string directory_of_process(pid_t process)
{
    std::error_code error;
    const std::filesystem::path path =
        std::filesystem::read_symlink("/proc/" + std::to_string(process) + "/cwd", error);
    return error || process == 0 ? std::string{} : path.string();
}

/// libvirt keeps a connection to each monitor of its own, so another one only waits there.
bool is_libvirt_path(const std::string& path)
{
    return path.find("/libvirt/qemu/") != std::string::npos;
}

struct Run {
    const Options& options;
    AgentClient& agent;
    Waiter& waiter;
    Progress& progress;
    std::string name;
    std::string started;
};

void write_description(const Run& run, OverlaySnapshot& method, ImageFiles& files,
                       const SnapshotResult& result, Outcome& outcome)
{
    json::Object whole = outcome.details;
    whole.set("tool", "frostline " FROSTLINE_VERSION);
    whole.set("started", run.started);
    whole.set("finished", utc_now());
    whole.set("exit-status", static_cast<int>(result.judgement.status));
    if (!result.problem.empty()) {
        whole.set("problem", result.problem);
    }
    const std::string path = method.description_path();
    outcome.details.set("description", path);
    const Result<void> written = files.replace(path, json::write_pretty(json::Value{whole}));
    if (!written) {
        outcome.problem += (outcome.problem.empty() ? "" : "; ") + written.error().message();
    } else {
        outcome.text += "\nwritten down in " + path + "\n";
    }
}

Outcome conclude(const Run& run, OverlaySnapshot& method, ImageFiles& files,
                 const SnapshotResult& result)
{
    Outcome outcome;
    outcome.status = result.judgement.status;
    outcome.problem = result.problem;
    outcome.details =
        describe_snapshot(run.options.guest, run.name, run.options.require, result, method.plans());
    if (result.kept) {
        outcome.text = format_snapshot(run.options.guest, run.name, run.options.require, result,
                                       method.plans());
        write_description(run, method, files, result, outcome);
        if (outcome.status == ExitStatus::not_consistent && outcome.problem.empty()) {
            outcome.problem = "the snapshot is taken, but at level " +
                              std::string{level_name(result.judgement.level)} + ": " +
                              result.judgement.reason;
        }
    } else if (outcome.status != ExitStatus::thaw_unconfirmed) {
        outcome.problem += "; no snapshot was taken, and the guest is not frozen";
    }
    return outcome;
}

Outcome with_monitor(const Run& run)
{
    const TimePoint until = run.waiter.now() + run.agent.limits().answer;
    run.progress.phase("connecting to QEMU");
    const Result<std::unique_ptr<QmpClient>> monitor =
        QmpClient::connect(*run.options.qmp, run.waiter, until);
    if (!monitor) {
        return failed(ExitStatus::unreachable, monitor.error().message());
    }
    LocalImageFiles files{run.waiter};
    OverlaySnapshot method{**monitor,
                           files,
                           {run.name, run.options.overlay_directory,
                            directory_of_process((*monitor)->process()),
                            new_freeze_id().substr(0, 18)}};
    if (const Result<void> ours = check_owner(**monitor, until); !ours) {
        return failed(ours.error().kind() == ErrorKind::permission ? ExitStatus::usage
                                                                   : ExitStatus::unreachable,
                      ours.error().message());
    }
    SnapshotSequence sequence{run.agent,
                              method,
                              run.waiter,
                              run.progress,
                              {new_freeze_id(), run.options.deadline, run.options.require}};
    const SnapshotResult result = sequence.run();
    run.progress.done();
    return conclude(run, method, files, result);
}

} // namespace

Outcome run_snapshot(const Options& options, AgentClient& agent, Waiter& waiter, Progress& progress)
{
    if (is_libvirt_path(*options.qmp)) {
        return failed(ExitStatus::usage, "--qmp: " + *options.qmp +
                                             " is libvirt's; switching a domain's disks behind "
                                             "libvirt's back would break the domain");
    }
    const Result<Lease> lease =
        Lease::take(options.lease_directory, {*options.socket, *options.qmp});
    if (!lease) {
        return failed(ExitStatus::snapshot_failed, lease.error().message());
    }
    const Result<GuestState> before = agent.state();
    if (!before) {
        return failed(ExitStatus::unreachable, before.error().message());
    }
    if (before->frozen) {
        return failed(ExitStatus::freeze_failed, "the guest is frozen already, by somebody else (" +
                                                     before->state +
                                                     "); if nobody works on it: frostline thaw");
    }
    const Run run{
        options,  agent, waiter, progress, options.name.empty() ? name_from_now() : options.name,
        utc_now()};
    return with_monitor(run);
}

} // namespace frostline::host
