// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/guest_freeze.hpp"

#include <algorithm>
#include <utility>

namespace frostline::host {

namespace {

/// The guest promises to be thawed a second after its deadline; one more for the way here.
constexpr Millis deadline_margin{2'000};

std::chrono::microseconds between(TimePoint from, TimePoint to)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(to - from);
}

} // namespace

GuestFreeze::GuestFreeze(AgentClient& agent, Waiter& waiter, SnapshotRequest request)
    : agent_(agent), waiter_(waiter), request_(std::move(request))
{
    result_.evidence.frostline = agent_.frostline();
    result_.evidence.thaw_confirmed = true; // as long as no freeze was asked for
}

void GuestFreeze::note(const std::string& problem)
{
    if (!result_.problem.empty()) {
        result_.problem += "; ";
    }
    result_.problem += problem;
}

GuestFreeze::Freeze GuestFreeze::freeze()
{
    const Result<Answer<FreezeResult>> answer =
        agent_.freeze({request_.freeze_id, request_.deadline});
    freeze_answered_ = waiter_.now();
    if (!answer) {
        note("freeze: " + answer.error().message());
        result_.evidence.thaw_confirmed = false;
        return Freeze::unclear;
    }
    if (!answer->good()) {
        note("freeze: " + answer->error().description);
        return Freeze::refused;
    }
    result_.evidence.thaw_confirmed = false;
    result_.evidence.freeze_good = true;
    result_.evidence.frozen_count = answer->value().count;
    return Freeze::held;
}

std::optional<bool> GuestFreeze::in_force()
{
    Result<GuestState> state = agent_.state();
    if (!state && state.error().kind() == ErrorKind::io) {
        state = agent_.state(); // the connection was lost; the freeze may well be in force
    }
    if (!state) {
        note(state.error().message());
        return std::nullopt;
    }
    if (state->deadline_remaining) {
        frozen_until_ = waiter_.now() + *state->deadline_remaining;
    }
    if (!agent_.frostline()) {
        return state->frozen;
    }
    return state->state == "frozen" && state->id == request_.freeze_id;
}

bool GuestFreeze::holds_before()
{
    Evidence& evidence = result_.evidence;
    evidence.held_before = in_force();
    if (!evidence.held_before) {
        return false; // interrupted, or the guest fell silent: thaw
    }
    if (*evidence.held_before) {
        return true;
    }
    // A snapshot now would be one that nobody asked for. A guest with nothing to freeze says so
    // here, and that is good enough for --require crash.
    const bool nothing_to_hold = evidence.frozen_count == 0;
    if (nothing_to_hold && request_.require == Level::crash) {
        return true;
    }
    note(nothing_to_hold ? "the guest froze nothing"
                         : "the freeze was not in force any more before the switch");
    evidence.freeze_good = false;
    return false;
}

void GuestFreeze::look_after()
{
    result_.evidence.held_after = in_force();
}

std::optional<TimePoint> GuestFreeze::ends() const
{
    if (frozen_until_ && request_.deadline) {
        return std::min(*frozen_until_, freeze_answered_ + *request_.deadline);
    }
    return frozen_until_       ? frozen_until_
           : request_.deadline ? std::optional{freeze_answered_ + *request_.deadline}
                               : std::nullopt;
}

TimePoint GuestFreeze::give_up_at() const
{
    if (frozen_until_) {
        return *frozen_until_ + deadline_margin;
    }
    const TimePoint now = waiter_.now();
    if (agent_.frostline() && request_.deadline) {
        // The deadline runs from the moment when the guest was frozen, at the latest from now.
        return now + *request_.deadline + deadline_margin;
    }
    return now + agent_.limits().recovery;
}

void GuestFreeze::thaw()
{
    const std::optional<std::string> id =
        agent_.frostline() ? std::optional{request_.freeze_id} : std::nullopt;
    Evidence& evidence = result_.evidence;
    ThawOutcome outcome = confirm_thaw(agent_, waiter_, id, give_up_at());
    result_.host_frozen = between(freeze_answered_, waiter_.now());
    evidence.thaw_confirmed = outcome.confirmed;
    evidence.thaw_count = outcome.count;
    evidence.thaw_complaint = outcome.complaint;
    if (outcome.report && outcome.report->id == request_.freeze_id) {
        evidence.report = std::move(outcome.report);
    }
    if (!outcome.confirmed) {
        note("the thaw is NOT confirmed (" + outcome.last_problem + ")" +
             (frozen_until_ ? "; the guest's own deadline has passed, so it should have thawed "
                              "itself"
                            : "; the guest may still be frozen: thaw it as soon as its agent can "
                              "be reached"));
    }
}

void GuestFreeze::clear_up()
{
    const Shield shield{waiter_};
    const Result<GuestState> state = agent_.state();
    if (state && !state->frozen) {
        return;
    }
    if (state && agent_.frostline() && state->id && *state->id != request_.freeze_id) {
        return;
    }
    result_.evidence.thaw_confirmed = false;
    thaw();
}

} // namespace frostline::host
