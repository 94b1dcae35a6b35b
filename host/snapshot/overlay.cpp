// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/overlay.hpp"

#include "common/text.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <map>

namespace frostline::host {

namespace {

/// An overlay starts with less than half a mebibyte, but one that can't grow stops the guest.
constexpr std::uint64_t least_room = std::uint64_t{64} * 1024 * 1024;

std::string directory_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_of(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

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

std::string OverlaySnapshot::overlay_stem(const std::string& base) const
{
    const std::string file = file_of(base);
    const std::size_t dot = file.rfind('.');
    std::string stem = dot == std::string::npos || dot == 0 ? file : file.substr(0, dot);
    // A base that is itself "DISK.EARLIER.qcow2", with EARLIER's description beside it, is an
    // overlay of ours: go on from DISK, or names would grow with every snapshot.
    for (std::size_t at = stem.find('.', 1); at != std::string::npos; at = stem.find('.', at + 1)) {
        const std::string earlier = stem.substr(at + 1);
        if (!earlier.empty() &&
            files_.exists(directory_of(base) + "/" + earlier + ".frostline.json")) {
            return stem.substr(0, at);
        }
    }
    return stem;
}

Result<void> OverlaySnapshot::make_plans(const std::vector<Disk>& disks)
{
    for (const Disk& disk : disks) {
        std::string directory = settings_.directory;
        if (directory.empty()) {
            directory = directory_of(disk.base);
            if (directory.compare(0, 4, "/dev") == 0 &&
                (directory.size() == 4 || directory[4] == '/')) {
                return fail(ErrorKind::invalid_argument,
                            "disk " + disk.label + " is the block device " + disk.base +
                                "; say with --overlay-dir where its overlay goes");
            }
        }
        const std::string path =
            directory + "/" + overlay_stem(disk.base) + "." + settings_.name + ".qcow2";
        for (const OverlayPlan& other : plans_) {
            if (other.path == path) {
                return fail(ErrorKind::invalid_argument,
                            "the disks " + other.disk.label + " and " + disk.label +
                                " would both get the overlay " + path +
                                "; their images need different names, or different folders and "
                                "no --overlay-dir");
            }
        }
        plans_.push_back({disk, path, settings_.node_prefix + "-" + std::to_string(plans_.size())});
    }
    return {};
}

Result<void> OverlaySnapshot::check_targets()
{
    std::map<std::string, std::uint64_t> needed;
    for (const OverlayPlan& plan : plans_) {
        if (!files_.exists(plan.disk.base)) {
            return fail(ErrorKind::not_found, "disk " + plan.disk.label + ": QEMU uses " +
                                                  plan.disk.base +
                                                  ", which isn't there as this process sees it");
        }
        if (files_.exists(plan.path)) {
            return fail(ErrorKind::busy, plan.path + ": the file exists already; choose another "
                                                     "--name or remove it");
        }
        needed[directory_of(plan.path)] += least_room;
    }
    for (const auto& [directory, bytes] : needed) {
        const Result<std::uint64_t> room = files_.free_space(directory);
        if (!room) {
            return fail(room.error());
        }
        if (*room < bytes) {
            return fail(ErrorKind::io, directory + ": only " + std::to_string(*room >> 20) +
                                           " MiB free, and overlays that can't grow stop the "
                                           "guest; make room for at least " +
                                           std::to_string(bytes >> 20) + " MiB");
        }
    }
    return {};
}

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
    const Result<json::Value> blocks = ask(monitor_, "query-block", until);
    if (!blocks) {
        return fail(blocks.error());
    }
    const Result<json::Value> nodes = ask(monitor_, "query-named-block-nodes", until);
    if (!nodes) {
        return fail(nodes.error());
    }
    const Result<std::vector<Disk>> disks = find_disks(*blocks, *nodes, settings_.qemu_directory);
    if (!disks) {
        return fail(disks.error());
    }
    if (Result<void> planned = make_plans(*disks); !planned) {
        return planned;
    }
    if (Result<void> checked = check_targets(); !checked) {
        return checked;
    }
    if (Result<void> claimed = files_.claim(description_path()); !claimed) {
        return claimed;
    }
    made_files_.push_back(description_path());
    for (const OverlayPlan& plan : plans_) {
        Result<void> created = files_.create_overlay(plan.path, plan.disk.base, plan.disk.format,
                                                     plan.disk.size, until);
        if (!created) {
            return created;
        }
        made_files_.push_back(plan.path);
        if (Result<void> added = add_node(plan, until); !added) {
            return added;
        }
    }
    return {};
}

Result<Answer<bool>> OverlaySnapshot::take(TimePoint until)
{
    json::Array actions;
    for (const OverlayPlan& plan : plans_) {
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
        return Answer<bool>{reply->error()};
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
    for (const OverlayPlan& plan : plans_) {
        const json::Value* device = find_device(*blocks, plan.disk);
        if (device == nullptr) {
            continue;
        }
        switched += current_node(*device) == plan.node && current_file(*device) == plan.path;
        unswitched += current_node(*device) == plan.disk.node;
    }
    if (switched == plans_.size()) {
        return Switch::done;
    }
    return unswitched == plans_.size() ? Switch::not_done : Switch::unknown;
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
    for (const std::string& path : made_files_) {
        if (const Result<void> removed = files_.remove(path); !removed) {
            left.push_back(removed.error().message());
        }
    }
    added_nodes_.clear();
    made_files_.clear();
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

std::string OverlaySnapshot::description_path() const
{
    return directory_of(plans_.front().path) + "/" + settings_.name + ".frostline.json";
}

} // namespace frostline::host
