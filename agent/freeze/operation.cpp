// SPDX-License-Identifier: Apache-2.0
#include "freeze/operation.hpp"

#include "common/duration.hpp"
#include "common/log.hpp"
#include "freeze/read_plan.hpp"

#include <algorithm>
#include <utility>

namespace frostline::freeze {

namespace {

constexpr std::chrono::seconds open_limit{10};
constexpr std::chrono::seconds prepare_limit{10}; ///< for reading the hooks

/// The request may shorten the configured deadline, never lengthen it.
std::optional<std::chrono::milliseconds> effective_deadline(const Settings& settings,
                                                            const Request& request)
{
    if (!request.deadline) {
        return settings.deadline.count() > 0 ? std::optional{settings.deadline} : std::nullopt;
    }
    return settings.deadline.count() > 0 ? std::min(settings.deadline, *request.deadline)
                                         : *request.deadline;
}

} // namespace

Operation::Operation(Parts& parts, const Settings& settings, Request request, std::string id,
                     Events events)
    : parts_(parts), settings_(settings), request_(std::move(request)), id_(std::move(id)),
      events_(std::move(events)), deadline_(effective_deadline(settings, request_)),
      started_(std::chrono::system_clock::now()), started_at_(parts.loop.now())
{}

Operation::~Operation()
{
    if (log_held_) {
        log::release();
    }
}

void Operation::start()
{
    begin_phase("plan");
    system::run_on(
        parts_.workers,
        [&table = parts_.mounts, &layers = parts_.layers, settings = settings_,
         request = request_] { return read_and_plan(table, layers, settings, request); },
        forward([this](Result<Plan> plan) { planned(std::move(plan)); }));
}

void Operation::fail_with(Error error)
{
    end(Ending::called_off, std::move(error));
}

void Operation::planned(Result<Plan> plan)
{
    if (!plan) {
        return fail_with(std::move(plan).error());
    }
    left_out_ = std::move(plan->left_out);
    remote_ = std::move(plan->remote);
    set_ = std::make_unique<FsSet>(parts_.loop, parts_.workers, parts_.control,
                                   std::move(plan->filesystems));
    set_->on_forget(alive([this](std::size_t index) {
        if (guard_) {
            guard_->forget(index);
        }
        if (!ending_) {
            static_cast<void>(events_.save()); // it is not for a successor to thaw, either
        }
    }));
    set_->open(open_limit, forward([this](Result<void> result) { opened(std::move(result)); }));
}

void Operation::opened(Result<void> result)
{
    if (!result) {
        return fail_with(std::move(result).error());
    }
    const GuardStarter::Mounts mounts = set_->guarded();
    if (mounts.empty()) {
        return presync();
    }
    // Everything that allocates or may fail comes before the locks: threads for each thaw at once,
    // and the guard with its descriptors.
    parts_.workers.prepare(mounts.size() + static_cast<std::size_t>(settings_.parallel));
    GuardEvents events;
    events.expired = alive([this] { deadline_passed(); });
    events.lost = alive([](const std::string& reason) {
        log::warning(reason, "the agent alone watches the deadline now");
    });
    parts_.guards.start(
        mounts, std::move(events),
        forward([this](Result<std::unique_ptr<Guard>> guard) { guard_started(std::move(guard)); }));
}

void Operation::guard_started(Result<std::unique_ptr<Guard>> guard)
{
    if (!guard) {
        return fail_with(std::move(guard).error());
    }
    guard_ = *std::move(guard);
    presync();
}

void Operation::presync()
{
    state_ = State::syncing;
    begin_phase("presync");
    if (!settings_.presync) {
        return quiesce();
    }
    set_->sync(true, settings_.parallel, settings_.presync_budget, forward([this] { quiesce(); }));
}

void Operation::quiesce()
{
    state_ = State::quiescing;
    begin_phase("hooks");
    if (!request_.hooks) {
        return last_sync();
    }
    prepare_limit_ = parts_.loop.after(prepare_limit, [this] {
        fail_with(Error{ErrorKind::timeout,
                        "reading the hooks did not finish within " +
                            format_duration(prepare_limit) +
                            "; a path or a user that one of them names does not answer"});
    });
    parts_.quiescer.prepare(
        {id_, set_->mount_points(), set_->devices(), settings_.hook_budget, remote_},
        forward(
            [this](Result<std::unique_ptr<hooks::QuiesceRun>> run) { prepared(std::move(run)); }));
}

void Operation::prepared(Result<std::unique_ptr<hooks::QuiesceRun>> run)
{
    prepare_limit_ = {};
    if (!run) {
        return fail_with(std::move(run).error());
    }
    run_ = *std::move(run);
    run_->on_debts([this] { return events_.save(); });
    run_->on_lost(alive([this](const std::string& reason) {
        if (lost_session_.empty()) {
            lost_session_ = reason;
            lost_session_at_ = parts_.loop.now();
        }
        if (!granted_) {
            fail_with(Error{ErrorKind::io, reason});
        }
    }));
    quiescing_ = true;
    // Not forward(): the way back waits for this answer before it lets the hooks go.
    run_->quiesce(alive([this](hooks::QuiesceResult result) { quiesced(std::move(result)); }));
}

void Operation::quiesced(hooks::QuiesceResult result)
{
    quiescing_ = false;
    quiesced_ = std::move(result);
    if (release_waits_) {
        release_waits_ = false;
        return let_go();
    }
    if (ending_) {
        return; // still thawing; release() comes
    }
    if (quiesced_.error) {
        return fail_with(*quiesced_.error);
    }
    last_sync();
}

/// What the hooks flushed is written back once more, so that FIFREEZE itself, during which writers
/// wait, finds little to do. What cannot be frozen gets its only guaranteed write-back here.
void Operation::last_sync()
{
    set_->sync(settings_.presync, settings_.parallel, settings_.presync_budget,
               forward([this] { save_and_arm(); }));
}

void Operation::save_and_arm()
{
    state_ = State::freezing;
    begin_phase("freeze");
    freezing_begun_ = true;
    if (Result<void> saved = events_.save(); !saved) {
        return fail_with(std::move(saved).error());
    }
    if (!guard_) {
        return armed({});
    }
    if (deadline_) {
        deadline_at_ = parts_.loop.now() + *deadline_;
    }
    guard_->arm(deadline_at_, forward([this](Result<void> result) { armed(std::move(result)); }));
}

void Operation::armed(Result<void> result)
{
    if (!result) {
        return fail_with(std::move(result).error());
    }
    if (deadline_) {
        // The agent's own clock as well: also a guard that died, and hooks without any file system.
        deadline_at_ = deadline_at_.value_or(parts_.loop.now() + *deadline_);
        deadline_timer_ =
            parts_.loop.after(*deadline_at_ - parts_.loop.now(), [this] { deadline_passed(); });
    }
    if (guard_) {
        log::hold();
        log_held_ = true;
    }
    set_->freeze(settings_.parallel, settings_.foreign,
                 forward([this](Result<void> frozen) { freeze_ended(std::move(frozen)); }));
}

void Operation::freeze_ended(Result<void> result)
{
    if (!result) {
        return fail_with(std::move(result).error());
    }
    if (set_->frozen() == 0 && quiesced_.holding == 0) {
        return end(Ending::nothing, std::nullopt);
    }
    state_ = State::frozen;
    granted_ = true;
    begin_phase("frozen");
    // Before the host hears of it. Should it fail, the last record still names all there is to
    // undo.
    static_cast<void>(events_.save());
    events_.frozen();
}

void Operation::deadline_passed()
{
    if (ending_ || state_ < State::freezing) {
        return;
    }
    if (granted_) {
        return end(Ending::lapsed, std::nullopt);
    }
    std::string stuck;
    for (const std::string& mount_point : set_->unresolved()) {
        stuck += (stuck.empty() ? "" : ", ") + mount_point;
    }
    fail_with(Error{
        ErrorKind::timeout,
        "the deadline of " + format_duration(deadline_.value_or(std::chrono::milliseconds{0})) +
            " passed before all file systems were frozen (" + stuck + "); everything is thawed"});
}

void Operation::begin_phase(const char* name)
{
    end_phase();
    phases_.push_back(
        {name,
         std::chrono::duration_cast<std::chrono::microseconds>(parts_.loop.now() - started_at_),
         std::chrono::microseconds{0}});
    phase_open_ = true;
}

void Operation::end_phase()
{
    if (phase_open_) {
        const auto now =
            std::chrono::duration_cast<std::chrono::microseconds>(parts_.loop.now() - started_at_);
        phases_.back().duration = now - phases_.back().start;
        phase_open_ = false;
    }
}

} // namespace frostline::freeze
