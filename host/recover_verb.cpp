// SPDX-License-Identifier: Apache-2.0
#include "host/recovery.hpp"
#include "host/snapshot/lease.hpp"
#include "host/verbs.hpp"

namespace frostline::host {

namespace {

/// With the leases of the guest; a run that lives keeps them.
Outcome recover(Journal journal, const std::string& path, const Options& options, Waiter& waiter,
                Progress& progress)
{
    const std::string guest = journal.guest;
    Recovery recovery{std::move(journal), path, waiter, progress};
    const Result<Target> target = reach(recovery.options(), guest, waiter);
    if (!target) {
        return failed(ExitStatus::unreachable, target.error().message());
    }
    const Result<Lease> lease =
        Lease::take(options.lease_directory, lease_keys(recovery.options(), *target));
    if (!lease) {
        return failed(ExitStatus::snapshot_failed, lease.error().message());
    }
    return recovery.run(*target);
}

} // namespace

std::vector<GuestOutcome> run_recover(const Options& options, Waiter& waiter, Progress& progress)
{
    LocalImageFiles files{waiter};
    if (!files.exists(options.lease_directory)) {
        return {};
    }
    const Result<std::vector<std::string>> names = files.list(options.lease_directory, ".journal");
    if (!names) {
        return {
            {options.lease_directory, failed(ExitStatus::usage, names.error().message()), false}};
    }
    std::vector<GuestOutcome> outcomes;
    for (const std::string& name : *names) {
        const std::string path = options.lease_directory + "/" + name;
        Result<Journal> journal = load_journal(files, path);
        if (!journal) {
            outcomes.push_back(
                {path, failed(ExitStatus::snapshot_failed, journal.error().message()), false});
            continue;
        }
        const std::string guest = journal->guest;
        outcomes.push_back(
            {guest, recover(std::move(*journal), path, options, waiter, progress), false});
    }
    return outcomes;
}

} // namespace frostline::host
