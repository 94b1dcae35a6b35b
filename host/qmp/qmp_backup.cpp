// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/qmp_backup.hpp"

#include "common/json/lookup.hpp"
#include "common/text.hpp"
#include "host/qmp/qmp_cleanup.hpp"
#include "host/snapshot/qemu_checks.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

constexpr Millis pause_between{100};

bool has_bitmap(const json::Value& nodes, const std::string& node, const std::string& name)
{
    if (nodes.as_array() == nullptr) {
        return false;
    }
    for (const json::Value& one : *nodes.as_array()) {
        const json::Value* bitmaps = one.find("dirty-bitmaps");
        if (json::string_at(one, "node-name") != node || bitmaps == nullptr ||
            bitmaps->as_array() == nullptr) {
            continue;
        }
        const json::Array& list = *bitmaps->as_array();
        return std::any_of(list.begin(), list.end(), [&name](const json::Value& bitmap) {
            return json::string_at(bitmap, "name") == name;
        });
    }
    return false;
}

json::Value action(const char* type, json::Object data)
{
    json::Object action;
    action.set("type", type);
    action.set("data", std::move(data));
    return json::Value{std::move(action)};
}

} // namespace

/// A bitmap is lost with a raw disk's QEMU, and stays below an overlay: then nobody knows what has
/// changed.
Result<void> QmpBackup::check_marks(TimePoint until)
{
    const std::optional<std::string> mark = files_.parent_mark();
    if (!mark) {
        return {};
    }
    const Result<json::Value> nodes = ask(monitor_, "query-named-block-nodes", until);
    if (!nodes) {
        return fail(nodes.error());
    }
    for (const BackupPlan& plan : files_.plans()) {
        if (!has_bitmap(*nodes, plan.disk.node, *mark)) {
            return fail(ErrorKind::not_found, "disk " + plan.disk.label +
                                                  " does not remember what has changed since the "
                                                  "latest backup (no dirty bitmap " +
                                                  *mark + "): make a whole one");
        }
    }
    return {};
}

Result<void> QmpBackup::prepare(TimePoint until)
{
    if (Result<void> idle = check_idle(monitor_, until); !idle) {
        return idle;
    }
    const Result<std::vector<Disk>> disks =
        ask_for_disks(monitor_, settings_.qemu_directory, until);
    if (!disks) {
        return fail(disks.error());
    }
    if (Result<void> planned = files_.plan(*disks, settings_.prefix); !planned) {
        return planned;
    }
    if (Result<void> marks = check_marks(until); !marks) {
        return marks;
    }
    for (std::size_t i = 0; i < files_.plans().size(); ++i) {
        const BackupPlan& plan = files_.plans()[i];
        if (Result<void> created = files_.create(plan, until); !created) {
            return created;
        }
        if (Result<void> added = jobs_.add_target(i, plan.path, until); !added) {
            return fail(
                std::move(added).error().with_context("add the backup of disk " + plan.disk.label));
        }
    }
    return {};
}

Result<Answer<bool>> QmpBackup::take(TimePoint until)
{
    json::Array actions;
    for (std::size_t i = 0; i < files_.plans().size(); ++i) {
        const Disk& disk = files_.plans()[i].disk;
        json::Object bitmap;
        bitmap.set("node", disk.node);
        bitmap.set("name", files_.mark());
        bitmap.set("persistent", disk.format == "qcow2");
        actions.push_back(action("block-dirty-bitmap-add", std::move(bitmap)));
        json::Object copy;
        copy.set("job-id", jobs_.id(i));
        copy.set("device", disk.node);
        copy.set("target", jobs_.id(i));
        copy.set("auto-dismiss", false); // so that how it has ended can be asked
        if (const std::optional<std::string> mark = files_.parent_mark()) {
            copy.set("sync", "bitmap");
            copy.set("bitmap", *mark);
            copy.set("bitmap-mode", "never");
        } else {
            copy.set("sync", "full");
        }
        actions.push_back(action("blockdev-backup", std::move(copy)));
    }
    // QEMU can't group the jobs' ends here, because of the bitmaps; finish() ends all with the
    // first.
    json::Object arguments;
    arguments.set("actions", std::move(actions));
    asked_ = true;
    const Result<Reply> reply = monitor_.execute("transaction", std::move(arguments), until);
    if (!reply) {
        return fail(reply.error());
    }
    if (!reply->good()) {
        asked_ = false;
        return Answer<bool>{
            PeerError{reply->error().error_class,
                      "QEMU refused to start the backup: " + reply->error().description}};
    }
    return Answer<bool>{true};
}

Result<SnapshotMethod::Switch> QmpBackup::find_out(TimePoint until)
{
    const Result<ImageJobs::State> found = jobs_.state(until);
    if (!found) {
        return fail(found.error());
    }
    if (found->there == files_.plans().size()) {
        return Switch::done;
    }
    return found->there == 0 ? Switch::not_done : Switch::unknown;
}

Result<std::string> QmpBackup::finish(Waiter& waiter, Progress& progress)
{
    for (;;) {
        const Result<ImageJobs::State> now = jobs_.state(waiter.now() + settings_.answer);
        if (!now) {
            return fail(now.error());
        }
        if (!now->error.empty()) {
            return fail(ErrorKind::io, "the backup has failed: " + now->error);
        }
        if (now->concluded == files_.plans().size()) {
            break;
        }
        if (now->there < files_.plans().size()) {
            return fail(ErrorKind::io, "the backup's jobs have gone");
        }
        progress.phase("copying, the guest goes on: " + std::to_string(now->percent()) + " %");
        if (Result<void> paused = waiter.pause(pause_between); !paused) {
            return fail(std::move(paused).error());
        }
    }
    const Shield shield{waiter};
    const TimePoint until = waiter.now() + settings_.answer;
    std::vector<std::string> left = jobs_.release(asked_, until);
    if (const std::optional<std::string> mark = files_.parent_mark()) {
        // What has changed since the parent is in this backup; only what changes from now on
        // counts.
        for (std::string& one : remove_bitmaps(monitor_, *mark, until)) {
            left.push_back(std::move(one));
        }
    }
    return left.empty() ? std::string{} : "left behind: " + text::join(left, "; ");
}

Result<void> QmpBackup::discard(TimePoint until)
{
    std::vector<std::string> left = jobs_.release(asked_, until);
    if (asked_) {
        for (std::string& one : remove_bitmaps(monitor_, files_.mark(), until)) {
            left.push_back(std::move(one));
        }
    }
    for (std::string& file : files_.discard()) {
        left.push_back(std::move(file));
    }
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

} // namespace frostline::host
