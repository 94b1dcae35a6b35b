// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/overlay.hpp"

#include "common/text.hpp"
#include "host/snapshot/qemu_checks.hpp"

namespace frostline::host {

namespace {

/// Caching is kept as the base has it; QEMU passes it on to the file below.
json::Object node_options(const OverlayPlan& plan)
{
    json::Object file;
    file.set("driver", "file");
    file.set("filename", plan.path);
    json::Object cache;
    cache.set("direct", plan.disk.direct);
    cache.set("no-flush", plan.disk.no_flush);
    json::Object options;
    options.set("driver", "qcow2");
    options.set("node-name", plan.node);
    options.set("cache", std::move(cache));
    // Lets the guest's discards free clusters of the overlay. What the base had can't be asked.
    options.set("discard", "unmap");
    options.set("detect-zeroes", plan.disk.detect_zeroes);
    options.set("file", std::move(file));
    // blockdev-snapshot attaches the running disk itself; opening the base again would be a
    // second writer's view of it.
    options.set("backing", nullptr);
    return options;
}

} // namespace

Result<void> OverlaySnapshot::add_node(const OverlayPlan& plan, TimePoint until)
{
    Result<Reply> added = monitor_.execute("blockdev-add", node_options(plan), until);
    if (!added || added->good()) {
        // Without an answer it may be there, or come later: discard() has to try.
        added_nodes_.push_back(plan.node);
    }
    Result<json::Value> value = flatten(std::move(added));
    if (!value) {
        return fail(std::move(value).error().with_context("add the overlay of disk " +
                                                          plan.disk.label + " to QEMU"));
    }
    return {};
}

Result<void> OverlaySnapshot::prepare(TimePoint until)
{
    if (Result<void> idle = check_idle(monitor_, until); !idle) {
        return idle;
    }
    const Result<std::vector<Disk>> disks = ask_for_disks(monitor_, qemu_directory_, until);
    if (!disks) {
        return fail(disks.error());
    }
    if (Result<void> planned = files_.plan(*disks); !planned) {
        return planned;
    }
    for (const OverlayPlan& plan : plans()) {
        if (Result<void> created = files_.create(plan, until); !created) {
            return created;
        }
        if (Result<void> added = add_node(plan, until); !added) {
            return added;
        }
    }
    return {};
}

Result<Answer<bool>> OverlaySnapshot::take(TimePoint until)
{
    json::Array actions;
    for (const OverlayPlan& plan : plans()) {
        json::Object data;
        data.set("node", plan.disk.node);
        data.set("overlay", plan.node);
        json::Object action;
        action.set("type", "blockdev-snapshot");
        action.set("data", std::move(data));
        actions.emplace_back(std::move(action));
    }
    json::Object arguments;
    arguments.set("actions", std::move(actions));
    const Result<Reply> reply = monitor_.execute("transaction", std::move(arguments), until);
    if (!reply) {
        return fail(reply.error());
    }
    if (!reply->good()) {
        return Answer<bool>{
            PeerError{reply->error().error_class,
                      "QEMU refused to switch the disks: " + reply->error().description}};
    }
    return Answer<bool>{true};
}

Result<OverlaySnapshot::Switch> OverlaySnapshot::find_out(TimePoint until)
{
    const Result<json::Value> blocks = ask(monitor_, "query-block", until);
    if (!blocks) {
        return fail(blocks.error());
    }
    std::size_t switched = 0;
    std::size_t unswitched = 0;
    for (const OverlayPlan& plan : plans()) {
        const json::Value* device = find_device(*blocks, plan.disk);
        if (device == nullptr) {
            continue;
        }
        switched += current_node(*device) == plan.node && current_file(*device) == plan.path;
        unswitched += current_node(*device) == plan.disk.node;
    }
    if (switched == plans().size()) {
        return Switch::done;
    }
    return unswitched == plans().size() ? Switch::not_done : Switch::unknown;
}

Result<void> OverlaySnapshot::discard(TimePoint until)
{
    std::vector<std::string> left;
    for (auto node = added_nodes_.rbegin(); node != added_nodes_.rend(); ++node) {
        json::Object arguments;
        arguments.set("node-name", *node);
        const Result<Reply> gone = monitor_.execute("blockdev-del", std::move(arguments), until);
        if (!gone) {
            left.push_back("QEMU's block node " + *node + " (" + gone.error().message() + ")");
        } else if (!gone->good() &&
                   gone->error().description.find("Failed to find") == std::string::npos) {
            left.push_back("QEMU's block node " + *node + " (" + gone->error().description + ")");
        }
    }
    for (std::string& file : files_.discard()) {
        left.push_back(std::move(file));
    }
    added_nodes_.clear();
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

} // namespace frostline::host
