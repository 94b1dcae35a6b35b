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

Result<void> QmpCopy::start(std::size_t index)
{
    const BackupPlan& plan = files_.plans()[index];
    if (Result<void> created = files_.create(plan, soon()); !created) {
        return created;
    }
    if (Result<void> added = jobs_.add_target(index, plan.path, soon()); !added) {
        return fail(
            std::move(added).error().with_context("add the copy of disk " + plan.disk.label));
    }
    json::Object mirror;
    mirror.set("job-id", jobs_.id(index));
    mirror.set("device", plan.disk.node);
    mirror.set("target", jobs_.id(index));
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
        const Result<ImageJobs::State> now = jobs_.state(soon());
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
        progress_.phase("copying, nothing is frozen: " + std::to_string(now->percent()) + " %");
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
        arguments.set("device", jobs_.id(i));
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
        const Result<ImageJobs::State> now = jobs_.state(until);
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
    const Result<ImageJobs::State> now = jobs_.state(until);
    if (!now) {
        return fail(now.error());
    }
    return now->concluded == files_.plans().size() && now->error.empty() ? Switch::done
                                                                         : Switch::not_done;
}

Result<std::string> QmpCopy::finish(Waiter& /*waiter*/, Progress& /*progress*/)
{
    const Shield shield{waiter_};
    const std::vector<std::string> left = jobs_.release(started_, soon());
    return left.empty() ? std::string{} : "left behind: " + text::join(left, "; ");
}

Result<void> QmpCopy::discard(TimePoint until)
{
    std::vector<std::string> left = jobs_.release(started_, until);
    for (std::string& file : files_.discard()) {
        left.push_back(std::move(file));
    }
    if (!left.empty()) {
        return fail(ErrorKind::io, "left behind: " + text::join(left, "; "));
    }
    return {};
}

} // namespace frostline::host
