// SPDX-License-Identifier: Apache-2.0
#include "host/qmp/qmp_copy.hpp"

#include "common/json/lookup.hpp"
#include "common/text.hpp"
#include "host/qmp/qmp_cleanup.hpp"
#include "host/snapshot/qemu_checks.hpp"

namespace frostline::host {

namespace {

constexpr Millis pause_between{100};
constexpr Millis pause_while_frozen{2};

} // namespace

Result<QmpCopy::Jobs> QmpCopy::jobs(TimePoint until)
{
    const Result<json::Value> list = ask(monitor_, "query-jobs", until);
    if (!list) {
        return fail(list.error());
    }
    Jobs found;
    if (list->as_array() == nullptr) {
        return found;
    }
    for (const json::Value& job : *list->as_array()) {
        if (json::string_at(job, "id").rfind(settings_.prefix + "-", 0) != 0) {
            continue;
        }
        const std::string status = json::string_at(job, "status");
        ++found.there;
        found.ready += status == "ready";
        found.concluded += status == "concluded";
        found.done += json::number_at(job, "current-progress");
        found.total += json::number_at(job, "total-progress");
        if (std::string error = json::string_at(job, "error"); !error.empty()) {
            found.error = std::move(error);
        }
    }
    return found;
}

Result<void> QmpCopy::start(std::size_t index)
{
    const BackupPlan& plan = files_.plans()[index];
    if (Result<void> created = files_.create(plan, soon()); !created) {
        return created;
    }
    added_nodes_.push_back(id(index)); // without an answer it may be there, or come later
    Result<void> added = add_image_node(monitor_, id(index), plan.path, soon());
    if (!added) {
        return fail(
            std::move(added).error().with_context("add the copy of disk " + plan.disk.label));
    }
    json::Object mirror;
    mirror.set("job-id", id(index));
    mirror.set("device", plan.disk.node);
    mirror.set("target", id(index));
    mirror.set("sync", "full");
    mirror.set("auto-dismiss", false); // so that how it has ended can be asked
    const Result<json::Value> started =
        flatten(monitor_.execute("blockdev-mirror", std::move(mirror), soon()));
    if (!started) {
        return fail(Error{started.error()}.with_context("copy disk " + plan.disk.label));
    }
    return {};
}

Result<void> QmpCopy::wait_until_alike()
{
    for (;;) {
        const Result<Jobs> now = jobs(soon());
        if (!now) {
            return fail(now.error());
        }
        if (!now->error.empty()) {
            return fail(ErrorKind::io, "the copy has failed: " + now->error);
        }
        if (now->ready == files_.plans().size()) {
            return {};
        }
        if (now->there < files_.plans().size()) {
            return fail(ErrorKind::io, "the copy's jobs have gone");
        }
        const std::uint64_t percent = now->total == 0 ? 0 : now->done * 100 / now->total;
        progress_.phase("copying, nothing is frozen: " + std::to_string(percent) + " %");
        if (Result<void> paused = waiter_.pause(pause_between); !paused) {
            return paused;
        }
    }
}

Result<void> QmpCopy::prepare(TimePoint until)
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
    started_ = true;
    for (std::size_t i = 0; i < files_.plans().size(); ++i) {
        if (Result<void> started = start(i); !started) {
            return started;
        }
    }
    return wait_until_alike();
}

/// A mirror that is ended in this state has written everything. All are of one moment because the
/// guest writes nothing meanwhile.
Result<Answer<bool>> QmpCopy::take(TimePoint until)
{
    for (std::size_t i = 0; i < files_.plans().size(); ++i) {
        json::Object arguments;
        arguments.set("device", id(i));
        const Result<Reply> ended =
            monitor_.execute("block-job-cancel", std::move(arguments), until);
        if (!ended) {
            return fail(ended.error());
        }
        if (!ended->good()) {
            return Answer<bool>{
                PeerError{ended->error().error_class, "QEMU refused to end the mirror of disk " +
                                                          files_.plans()[i].disk.label + ": " +
                                                          ended->error().description}};
        }
    }
    for (;;) {
        const Result<Jobs> now = jobs(until);
        if (!now) {
            return fail(now.error());
        }
        if (!now->error.empty()) {
            return Answer<bool>{PeerError{"GenericError", "the copy has failed: " + now->error}};
        }
        if (now->concluded == files_.plans().size()) {
            return Answer<bool>{true};
        }
        if (waiter_.now() >= until) {
            return fail(ErrorKind::timeout, "the mirrors did not end in time");
        }
        if (Result<void> paused = waiter_.pause(pause_while_frozen); !paused) {
            return fail(std::move(paused).error());
        }
    }
}

Result<SnapshotMethod::Switch> QmpCopy::find_out(TimePoint until)
{
    const Result<Jobs> now = jobs(until);
    if (!now) {
        return fail(now.error());
    }
    return now->concluded == files_.plans().size() && now->error.empty() ? Switch::done
                                                                         : Switch::not_done;
}

Result<std::string> QmpCopy::finish(Waiter& /*waiter*/, Progress& /*progress*/)
{
    const Shield shield{waiter_};
    const std::vector<std::string> left = release(soon());
    return left.empty() ? std::string{} : "left behind: " + text::join(left, "; ");
}

std::vector<std::string> QmpCopy::release(TimePoint until)
{
    std::vector<std::string> left;
    if (started_) {
        left = end_jobs(monitor_, settings_.prefix + "-", until);
    }
    for (auto node = added_nodes_.rbegin(); node != added_nodes_.rend(); ++node) {
        for (std::string& one : remove_node(monitor_, *node, until)) {
            left.push_back(std::move(one));
        }
    }
    added_nodes_.clear();
    return left;
}

Result<void> QmpCopy::discard(TimePoint until)
{
    std::vector<std::string> left = release(until);
    for (std::string& file : files_.discard()) {
        left.push_back(std::move(file));
    }
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

} // namespace frostline::host
