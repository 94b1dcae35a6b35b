// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/sequence.hpp"

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

void SnapshotSequence::note(const std::string& problem)
{
    if (!result_.problem.empty()) {
        result_.problem += "; ";
    }
    result_.problem += problem;
}

SnapshotResult SnapshotSequence::run()
{
    Evidence& evidence = result_.evidence;
    evidence.frostline = agent_.frostline();
    evidence.thaw_confirmed = true; // as long as no freeze was asked for
    if (!prepare()) {
        discard();
        // Nothing was frozen, nothing taken: the snapshot failed, not the freeze.
        result_.judgement.status = ExitStatus::snapshot_failed;
        return std::move(result_);
    }
    switch (freeze()) {
    case Freeze::held:
        act_while_frozen();
        thaw();
        find_out_what_was_taken();
        break;
    case Freeze::refused:
        clear_up_refused_freeze();
        break;
    case Freeze::unclear:
        thaw();
        break;
    }
    if (evidence.taken == Evidence::Taken::no) {
        discard();
    }
    result_.kept = evidence.taken != Evidence::Taken::no;
    result_.judgement = judge(evidence, request_.require);
    return std::move(result_);
}

bool SnapshotSequence::prepare()
{
    progress_.phase("preparing the overlays");
    const Result<void> prepared = method_.prepare(waiter_.now() + agent_.limits().answer);
    if (!prepared) {
        note(prepared.error().message());
    }
    return prepared.has_value();
}

SnapshotSequence::Freeze SnapshotSequence::freeze()
{
    progress_.phase("freezing the guest");
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

std::optional<bool> SnapshotSequence::freeze_in_force()
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

void SnapshotSequence::act_while_frozen()
{
    Evidence& evidence = result_.evidence;
    const TimePoint frozen_at = waiter_.now();
    progress_.phase("frozen: switching the disks");
    evidence.held_before = freeze_in_force();
    if (!evidence.held_before) {
        return; // interrupted, or the guest fell silent: thaw
    }
    if (!*evidence.held_before) {
        // A switch now would give a snapshot that nobody asked for. A guest with nothing to freeze
        // says so here, and that is good enough for --require crash.
        const bool nothing_to_hold = evidence.frozen_count == 0;
        if (!nothing_to_hold || request_.require > Level::crash) {
            note(nothing_to_hold ? "the guest froze nothing"
                                 : "the freeze was not in force any more before the switch");
            evidence.freeze_good = false;
            return;
        }
    }
    TimePoint until = waiter_.now() + agent_.limits().answer;
    if (request_.deadline) {
        until = std::min(until, frozen_at + *request_.deadline);
    }
    if (frozen_until_) {
        until = std::min(until, *frozen_until_);
    }
    take(until);
    if (evidence.taken == Evidence::Taken::in_window) {
        evidence.held_after = freeze_in_force();
    }
}

void SnapshotSequence::take(TimePoint until)
{
    const TimePoint begin = waiter_.now();
    const Result<Answer<bool>> taken = method_.take(until);
    result_.window = between(begin, waiter_.now());
    if (!taken) {
        note(taken.error().message());
        result_.evidence.taken = Evidence::Taken::unknown;
    } else if (!taken->good()) {
        note("QEMU refused to switch the disks: " + taken->error().description);
        result_.evidence.taken = Evidence::Taken::no;
    } else {
        result_.evidence.taken = Evidence::Taken::in_window;
    }
}

TimePoint SnapshotSequence::give_up_at() const
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

void SnapshotSequence::thaw()
{
    progress_.phase("thawing the guest");
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

void SnapshotSequence::clear_up_refused_freeze()
{
    // The guest has undone its attempt before it said no. What is frozen now may be somebody
    // else's, which is never ours to thaw; only what carries our id is.
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

void SnapshotSequence::find_out_what_was_taken()
{
    Evidence& evidence = result_.evidence;
    if (evidence.taken == Evidence::Taken::no) {
        return;
    }
    // Thawed by now, so there is time. A switch that was still under way has its answer first.
    const Shield shield{waiter_};
    const Result<OverlaySnapshot::Switch> found =
        method_.find_out(waiter_.now() + agent_.limits().answer);
    const bool in_window = evidence.taken == Evidence::Taken::in_window;
    if (!found || *found == OverlaySnapshot::Switch::unknown) {
        note(found ? "not every disk uses its overlay" : found.error().message());
        note("the overlays stay where they are");
        evidence.taken = Evidence::Taken::unknown;
    } else if (*found == OverlaySnapshot::Switch::not_done) {
        if (in_window) {
            note("QEMU said that it had switched the disks, but they use their old images");
        }
        evidence.taken = Evidence::Taken::no;
    } else if (!in_window) {
        note("the disks were switched, but not provably in the window");
        evidence.taken = Evidence::Taken::late;
    }
}

void SnapshotSequence::discard()
{
    const Shield shield{waiter_};
    const Result<void> discarded = method_.discard(waiter_.now() + agent_.limits().answer);
    if (!discarded) {
        note(discarded.error().message());
    }
}

} // namespace frostline::host
