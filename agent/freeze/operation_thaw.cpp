// SPDX-License-Identifier: Apache-2.0
#include "freeze/operation.hpp"

#include "common/log.hpp"
#include "common/text.hpp"

#include <algorithm>
#include <utility>

namespace frostline::freeze {

namespace {

/// How long a reply waits for FITHAW (and for a FIFREEZE under way). What takes longer is reported
/// and thawed when it comes back.
constexpr std::chrono::seconds thaw_limit{5};
/// The hooks keep to the reply limit themselves; this much later it is no longer their word.
constexpr std::chrono::milliseconds grace{250};

} // namespace

void Operation::end(Ending why, std::optional<Error> error)
{
    if (ending_) {
        return;
    }
    if (why == Ending::host && deadline_at_ && parts_.loop.now() >= *deadline_at_) {
        why = Ending::lapsed; // the thaw was read first, but the guard was faster
    }
    ending_ = why;
    error_ = std::move(error);
    prepare_limit_ = {};
    state_ = State::thawing;
    deadline_timer_ = {};
    begin_phase("thaw");
    if (quiescing_) {
        run_->cancel();
    }
    // A turn of the loop in between: nobody hears of the end inside the call that caused it.
    turn_ = parts_.loop.after(std::chrono::nanoseconds{0}, [this] { thaw(); });
}

void Operation::thaw()
{
    if (!set_) {
        return thawed();
    }
    set_->on_resolved(alive([this] { tidy_when_resolved(); }));
    set_->thaw(*ending_ == Ending::lapsed, thaw_limit, alive([this] { thawed(); }));
}

void Operation::thawed()
{
    thaw_waited_ = true;
    const std::vector<std::string> stuck = unresolved();
    if (!stuck.empty()) {
        log::warning("not thawed yet, will be as soon as the kernel lets go",
                     text::join(stuck, ", "));
    }
    if (released_) {
        return tidy_when_resolved(); // this was thaw_again()
    }
    tidy_when_resolved();
    release();
}

/// The guard stays armed and the log in memory for as long as something is stuck: the guard would
/// thaw it even if the agent died now, and a log file may lie on it.
void Operation::tidy_when_resolved()
{
    if (!unresolved().empty()) {
        return;
    }
    if (guard_) {
        guard_->disarm();
        guard_ = nullptr;
    }
    if (std::exchange(log_held_, false)) {
        log::release();
    }
    static_cast<void>(events_.save());
    if (finished_ && on_resolved_) {
        on_resolved_();
    }
}

void Operation::thaw_again()
{
    if (set_ && released_ && !unresolved().empty()) {
        set_->thaw(false, thaw_limit, alive([this] { thawed(); }));
    }
}

void Operation::release()
{
    state_ = State::releasing;
    begin_phase("release");
    if (!run_) {
        announce_released();
        return run_thaw_hooks();
    }
    release_timer_ = parts_.loop.after(settings_.thaw_reply_limit + grace, [this] {
        verdict_.complete = false;
        announce_released();
    });
    if (quiescing_) {
        release_waits_ = true; // a cancelled hook that still ends; the reply does not wait for it
        return;
    }
    let_go();
}

void Operation::let_go()
{
    run_->release(hook_outcome(), settings_.thaw_reply_limit,
                  alive([this](hooks::HoldVerdict held) { verdict(std::move(held)); }));
}

void Operation::verdict(hooks::HoldVerdict held)
{
    verdict_ = std::move(held);
    release_timer_ = {};
    announce_released();
    run_thaw_hooks();
}

void Operation::announce_released()
{
    if (!std::exchange(released_, true)) {
        end_phase();
        events_.released();
    }
}

void Operation::run_thaw_hooks()
{
    begin_phase("thaw-hooks");
    if (!run_) {
        return finish();
    }
    run_->thaw(hook_outcome(), alive([this] { finish(); }));
}

void Operation::finish()
{
    end_phase();
    finished_ = true;
    state_ = State::idle;
    for (const std::string& hook : owed()) {
        log::warning("the thaw hook did not succeed and is still owed", hook);
    }
    tidy_when_resolved();
    // A turn of its own: the session may drop this object.
    turn_ = parts_.loop.after(std::chrono::nanoseconds{0}, events_.finished);
}

void Operation::retry_owed(std::function<void()> done)
{
    if (run_ && finished_) {
        run_->thaw(hook_outcome(), alive(std::move(done)));
    }
}

bool Operation::holds_something() const
{
    return (state_ >= State::quiescing && !released_ && !finished_ &&
            (run_ != nullptr || state_ >= State::freezing)) ||
           !unresolved().empty();
}

std::int64_t Operation::count() const
{
    const auto frozen = static_cast<std::int64_t>(set_ ? set_->frozen() : 0);
    return frozen == 0 && quiesced_.holding > 0 ? 1 : frozen;
}

std::int64_t Operation::thawed_count() const
{
    const auto thawed = static_cast<std::int64_t>(set_ ? set_->thawed() : 0);
    return thawed == 0 && quiesced_.holding > 0 ? 1 : thawed;
}

std::optional<std::string> Operation::lost() const
{
    const std::vector<std::string> thawed_by_others =
        set_ ? set_->lost() : std::vector<std::string>{};
    if (!thawed_by_others.empty()) {
        return "another process thawed " + text::join(thawed_by_others, ", ");
    }
    if (!verdict_.held && granted_) {
        return verdict_.reason;
    }
    return lost_session_.empty() || !granted_ ? std::nullopt : std::optional{lost_session_};
}

Operation::TimePoint Operation::lost_at() const
{
    const bool in_session = !lost_session_.empty() && (!set_ || set_->lost().empty());
    return in_session ? lost_session_at_ : parts_.loop.now();
}

std::optional<std::chrono::milliseconds> Operation::deadline_remaining() const
{
    if (!deadline_at_ || ending_) {
        return std::nullopt;
    }
    const auto left = std::max(*deadline_at_ - parts_.loop.now(), std::chrono::nanoseconds{0});
    return std::chrono::duration_cast<std::chrono::milliseconds>(left);
}

std::vector<std::string> Operation::owed() const
{
    return run_ ? run_->owed() : std::vector<std::string>{};
}

RunState Operation::held() const
{
    RunState state;
    state.id = id_;
    state.granted = granted_ && !released_;
    if (set_ && freezing_begun_) {
        for (const PlannedFs& fs : set_->at_risk()) {
            state.filesystems.push_back({fs.mount.mount_point, fs.mount.device});
        }
    }
    if (run_) {
        state.hooks = run_->debts();
    }
    return state;
}

std::vector<std::string> Operation::unresolved() const
{
    // While frozen everything is as it should be; unresolved is what a thaw has left.
    return set_ && thaw_waited_ ? set_->unresolved() : std::vector<std::string>{};
}

hooks::Outcome Operation::hook_outcome() const
{
    if (ending_ == Ending::lapsed) {
        return hooks::Outcome::expired;
    }
    return ending_ == Ending::host && !lost() ? hooks::Outcome::consistent
                                              : hooks::Outcome::aborted;
}

Outcome Operation::outcome() const
{
    if (ending_ == Ending::lapsed) {
        return Outcome::expired;
    }
    if (ending_ == Ending::called_off) {
        return Outcome::aborted;
    }
    if (set_ && !set_->lost().empty()) {
        return Outcome::aborted;
    }
    if (lost()) {
        return Outcome::recovered;
    }
    const bool degraded = quiesced_.degraded || !verdict_.complete || (set_ && set_->incomplete());
    return degraded ? Outcome::degraded : Outcome::consistent;
}

Report Operation::report() const
{
    Report report;
    report.id = id_;
    report.outcome = outcome();
    report.finished = finished_;
    report.started = started_;
    report.started_at = started_at_;
    report.phases = phases_;
    if (phase_open_) {
        report.phases.back().duration =
            std::chrono::duration_cast<std::chrono::microseconds>(parts_.loop.now() - started_at_) -
            phases_.back().start;
    }
    if (run_) {
        report.hooks = run_->records();
    }
    if (set_) {
        report.filesystems = set_->records(started_at_);
        if (const auto first = set_->first_frozen()) {
            const auto until = unresolved().empty() && set_->frozen() == 0 && set_->last_thawed()
                                   ? *set_->last_thawed()
                                   : parts_.loop.now();
            report.frozen = std::chrono::duration_cast<std::chrono::microseconds>(until - *first);
        }
    }
    for (const LeftOut& left : left_out_) {
        FsRecord row;
        row.mount_point = left.mount_point;
        row.type = left.type;
        row.device = left.device;
        row.result = FsResult::skipped;
        row.reason = left.reason;
        report.filesystems.push_back(std::move(row));
    }
    if (error_) {
        report.error = error_->message();
    } else if (const auto reason = lost()) {
        report.error = *reason;
    }
    return report;
}

} // namespace frostline::freeze
