// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/qmp_committer.hpp"

#include "common/json/lookup.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

/// The node that reads this image's format; the one below it only moves bytes.
std::string node_of(const json::Value& nodes, const std::string& path)
{
    if (nodes.as_array() != nullptr) {
        for (const json::Value& node : *nodes.as_array()) {
            const std::string driver = json::string_at(node, "drv");
            if (json::string_at(node, "file") == path && (driver == "raw" || driver == "qcow2")) {
                return json::string_at(node, "node-name");
            }
        }
    }
    return {};
}

} // namespace

Result<std::vector<std::pair<std::string, std::string>>> QmpCommitter::current(TimePoint until)
{
    const Result<std::vector<Disk>> disks = ask_for_disks(monitor_, qemu_directory_, until);
    if (!disks) {
        return fail(disks.error());
    }
    std::vector<std::pair<std::string, std::string>> found;
    for (const Disk& disk : *disks) {
        found.emplace_back(disk.label, disk.base);
    }
    return found;
}

Result<void> QmpCommitter::check_idle(TimePoint until)
{
    return host::check_idle(monitor_, until);
}

Result<void> QmpCommitter::start(const CommitDisk& disk, TimePoint until)
{
    const Result<std::vector<Disk>> disks = ask_for_disks(monitor_, qemu_directory_, until);
    if (!disks) {
        return fail(disks.error());
    }
    const auto found = std::find_if(disks->begin(), disks->end(),
                                    [&disk](const Disk& one) { return one.label == disk.label; });
    const Result<json::Value> nodes = ask(monitor_, "query-named-block-nodes", until);
    if (!nodes) {
        return fail(nodes.error());
    }
    const std::string base = node_of(*nodes, disk.base);
    if (found == disks->end() || base.empty()) {
        return fail(ErrorKind::not_found, "QEMU has no node for " + disk.base);
    }
    job_ = "frostline-commit-" + disk.label;
    std::replace_if(
        job_.begin(), job_.end(),
        [](char letter) {
            return !((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                     (letter >= '0' && letter <= '9') || letter == '-');
        },
        '-');
    node_ = found->node;
    json::Object arguments;
    arguments.set("job-id", job_);
    arguments.set("device", node_);
    arguments.set("base-node", base);
    const Result<json::Value> started =
        flatten(monitor_.execute("block-commit", std::move(arguments), until));
    return started ? Result<void>{} : fail(started.error());
}

Result<CommitState> QmpCommitter::state(const CommitDisk& /*disk*/, TimePoint until)
{
    const Result<json::Value> jobs = ask(monitor_, "query-jobs", until);
    if (!jobs) {
        return fail(jobs.error());
    }
    CommitState state;
    state.gone = true;
    if (jobs->as_array() != nullptr) {
        for (const json::Value& job : *jobs->as_array()) {
            if (json::string_at(job, "id") != job_) {
                continue;
            }
            if (const std::string error = json::string_at(job, "error"); !error.empty()) {
                return fail(ErrorKind::io, "QEMU: " + error);
            }
            state = {json::number_at(job, "current-progress"),
                     json::number_at(job, "total-progress"),
                     json::string_at(job, "status") == "ready", false};
        }
    }
    return state;
}

Result<void> QmpCommitter::order(const char* command, TimePoint until)
{
    json::Object arguments;
    arguments.set("id", job_);
    const Result<json::Value> done =
        flatten(monitor_.execute(command, std::move(arguments), until));
    return done ? Result<void>{} : fail(done.error());
}

Result<void> QmpCommitter::pivot(const CommitDisk& /*disk*/, TimePoint until)
{
    return order("job-complete", until);
}

/// The overlay's node was added by its name, and stays until it is taken away.
Result<void> QmpCommitter::tidy(const CommitDisk& /*disk*/, TimePoint until)
{
    json::Object arguments;
    arguments.set("node-name", node_);
    const Result<Reply> gone = monitor_.execute("blockdev-del", std::move(arguments), until);
    if (!gone) {
        return fail(gone.error());
    }
    if (!gone->good() && gone->error().description.find("Failed to find") == std::string::npos) {
        return fail(ErrorKind::io,
                    "QEMU keeps its block node " + node_ + ": " + gone->error().description);
    }
    return {};
}

Result<void> QmpCommitter::cancel(const CommitDisk& /*disk*/, TimePoint until)
{
    return order("job-cancel", until);
}

} // namespace frostline::host
