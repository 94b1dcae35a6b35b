// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/sequence.hpp"

#include <algorithm>
#include <utility>

namespace frostline::host {

SnapshotSequence::SnapshotSequence(const std::vector<Participant>& guests, Waiter& waiter,
                                   Progress& progress, OnError on_error)
    : waiter_(waiter), progress_(progress), on_error_(on_error)
{
    for (const Participant& guest : guests) {
        guests_.push_back(
            {guest.name, &guest.method, GuestFreeze{guest.agent, waiter, guest.request}});
    }
}

std::vector<SnapshotResult> SnapshotSequence::run()
{
    prepare();
    freeze_all();
    take_all();
    thaw_all();
    for (SnapshotMethod* method : methods()) {
        find_out(*method);
    }
    for (SnapshotMethod* method : methods()) {
        finish(*method);
    }
    std::vector<SnapshotResult> results;
    for (Guest& guest : guests_) {
        SnapshotResult& result = guest.freeze.result();
        result.kept = result.evidence.taken != Evidence::Taken::no;
        result.judgement = judge(result.evidence, guest.freeze.request().require);
        if (!guest.asked) {
            // Nothing was frozen, nothing taken: the snapshot failed, not the freeze.
            result.judgement.status = ExitStatus::snapshot_failed;
        }
        results.push_back(std::move(result));
    }
    return results;
}

std::string SnapshotSequence::who(const Guest& guest) const
{
    return guests_.size() == 1 ? "the guest" : guest.name;
}

std::vector<SnapshotMethod*> SnapshotSequence::methods() const
{
    std::vector<SnapshotMethod*> found;
    for (const Guest& guest : guests_) {
        if (std::find(found.begin(), found.end(), guest.method) == found.end()) {
            found.push_back(guest.method);
        }
    }
    return found;
}

std::vector<SnapshotSequence::Guest*> SnapshotSequence::guests_of(const SnapshotMethod& method)
{
    std::vector<Guest*> found;
    for (Guest& guest : guests_) {
        if (guest.method == &method) {
            found.push_back(&guest);
        }
    }
    return found;
}

void SnapshotSequence::give_up(const std::string& because)
{
    if (on_error_ == OnError::abort && given_up_.empty()) {
        given_up_ = because;
    }
}

void SnapshotSequence::fail_guest(Guest& guest)
{
    guest.stage = Stage::failed;
    give_up("given up because of " + guest.name);
}

void SnapshotSequence::prepare()
{
    for (SnapshotMethod* method : methods()) {
        if (given_up()) {
            return;
        }
        const std::vector<Guest*> guests = guests_of(*method);
        progress_.phase("preparing the snapshot of " + who(*guests.front()));
        const Result<void> prepared =
            method->prepare(waiter_.now() + guests.front()->freeze.answer_limit());
        for (Guest* guest : guests) {
            guest->stage = prepared ? Stage::prepared : Stage::failed;
            if (!prepared) {
                guest->freeze.note(prepared.error().message());
            }
        }
        if (!prepared) {
            discard(*method);
            give_up("given up because of " + guests.front()->name);
        }
    }
}

void SnapshotSequence::freeze_all()
{
    for (Guest& guest : guests_) {
        if (given_up()) {
            return;
        }
        if (guest.stage == Stage::prepared) {
            freeze(guest);
        }
    }
}

void SnapshotSequence::freeze(Guest& guest)
{
    progress_.phase("freezing " + who(guest));
    guest.asked = true;
    switch (guest.freeze.freeze()) {
    case GuestFreeze::Freeze::held:
        guest.stage = Stage::held;
        guest.owes_thaw = true;
        break;
    case GuestFreeze::Freeze::refused:
        guest.freeze.clear_up();
        fail_guest(guest);
        break;
    case GuestFreeze::Freeze::unclear:
        guest.owes_thaw = true;
        fail_guest(guest);
        break;
    }
}

TimePoint SnapshotSequence::window_end(const std::vector<Guest*>& guests) const
{
    const Guest& first = *guests.front();
    TimePoint until = waiter_.now() + first.method->longest().value_or(first.freeze.answer_limit());
    for (const Guest& guest : guests_) {
        if (guest.stage == Stage::held) {
            until = std::min(until, guest.freeze.ends().value_or(until));
        }
    }
    return until;
}

void SnapshotSequence::take_all()
{
    if (given_up()) {
        return;
    }
    for (Guest& guest : guests_) {
        if (guest.stage == Stage::held && !guest.freeze.holds_before()) {
            fail_guest(guest);
        }
    }
    for (SnapshotMethod* method : methods()) {
        if (!given_up()) {
            take(*method);
        }
    }
    for (Guest& guest : guests_) {
        if (guest.freeze.result().evidence.taken == Evidence::Taken::in_window) {
            guest.freeze.look_after();
        }
    }
}

void SnapshotSequence::take(SnapshotMethod& method)
{
    std::vector<Guest*> guests = guests_of(method);
    std::erase_if(guests, [](const Guest* guest) { return guest->stage != Stage::held; });
    if (guests.empty()) {
        return;
    }
    progress_.phase("frozen: " + std::string{method.doing()});
    const TimePoint begin = waiter_.now();
    const Result<Answer<bool>> taken = method.take(window_end(guests));
    const auto window =
        std::chrono::duration_cast<std::chrono::microseconds>(waiter_.now() - begin);
    for (Guest* guest : guests) {
        SnapshotResult& result = guest->freeze.result();
        result.window = window;
        if (!taken) {
            guest->freeze.note(taken.error().message());
            result.evidence.taken = Evidence::Taken::unknown;
        } else if (!taken->good()) {
            guest->freeze.note(taken->error().description);
            result.evidence.taken = Evidence::Taken::no;
        } else {
            result.evidence.taken = Evidence::Taken::in_window;
        }
    }
    if (!taken || !taken->good()) {
        give_up("given up because of " + guests.front()->name);
    }
}

void SnapshotSequence::thaw_all()
{
    for (auto guest = guests_.rbegin(); guest != guests_.rend(); ++guest) {
        if (guest->owes_thaw) {
            progress_.phase("thawing " + who(*guest));
            guest->freeze.thaw();
        }
    }
    for (Guest& guest : guests_) {
        SnapshotResult& result = guest.freeze.result();
        if (given_up() && result.problem.empty() && result.evidence.taken == Evidence::Taken::no) {
            guest.freeze.note(given_up_);
            result.collateral = true;
        }
    }
}

void SnapshotSequence::find_out(SnapshotMethod& method)
{
    const std::vector<Guest*> guests = guests_of(method);
    const bool maybe = std::any_of(guests.begin(), guests.end(), [](Guest* guest) {
        return guest->freeze.result().evidence.taken != Evidence::Taken::no;
    });
    if (!maybe) {
        return discard(method);
    }
    // Thawed by now, so there is time. What was still under way has its answer first.
    const Shield shield{waiter_};
    const Result<SnapshotMethod::Switch> found =
        method.find_out(waiter_.now() + guests.front()->freeze.answer_limit());
    bool discard_it = false;
    for (Guest* guest : guests) {
        Evidence& evidence = guest->freeze.result().evidence;
        if (evidence.taken == Evidence::Taken::no) {
            continue;
        }
        const bool in_window = evidence.taken == Evidence::Taken::in_window;
        if (!found || *found == SnapshotMethod::Switch::unknown) {
            guest->freeze.note(found ? "nobody can say what was taken: a part of it was"
                                     : found.error().message());
            guest->freeze.note("what was prepared stays where it is");
            evidence.taken = Evidence::Taken::unknown;
        } else if (*found == SnapshotMethod::Switch::not_done) {
            if (in_window) {
                guest->freeze.note("it was said to be taken, but is not there");
            }
            evidence.taken = Evidence::Taken::no;
            discard_it = true;
        } else if (!in_window) {
            guest->freeze.note("it was taken, but not provably in the window");
            evidence.taken = Evidence::Taken::late;
        }
    }
    if (discard_it) {
        discard(method);
    }
}

void SnapshotSequence::finish(SnapshotMethod& method)
{
    std::vector<Guest*> guests = guests_of(method);
    std::erase_if(guests, [](Guest* guest) {
        const Evidence::Taken taken = guest->freeze.result().evidence.taken;
        return taken != Evidence::Taken::in_window && taken != Evidence::Taken::late;
    });
    if (guests.empty()) {
        return;
    }
    const Result<std::string> finished = method.finish(waiter_, progress_);
    if (finished) {
        if (!finished->empty()) {
            guests.front()->freeze.note(*finished);
        }
        return;
    }
    for (Guest* guest : guests) {
        guest->freeze.note(finished.error().message());
        guest->freeze.result().evidence.taken = Evidence::Taken::no;
    }
    discard(method);
}

void SnapshotSequence::discard(SnapshotMethod& method)
{
    const Shield shield{waiter_};
    Guest& guest = *guests_of(method).front();
    const Result<void> discarded = method.discard(waiter_.now() + guest.freeze.answer_limit());
    if (!discarded) {
        guest.freeze.note(discarded.error().message());
    }
}

} // namespace frostline::host
