// SPDX-License-Identifier: Apache-2.0
// The first half of the way down: sessions let go and say whether they held.
#include "hooks/run.hpp"
#include "hooks/verdict.hpp"

#include <algorithm>
#include <utility>

namespace frostline::hooks {

void Run::on_lost(std::function<void(std::string reason)> action)
{
    on_lost_ = std::move(action);
    if (!lost_reason_.empty() && !quiescing_ && !releasing_) {
        tell_lost();
    }
}

void Run::tell_lost()
{
    later([this] {
        if (on_lost_ && !releasing_) {
            const auto tell = on_lost_; // copies, since the receiver may destroy this
            const std::string why = lost_reason_;
            tell(why);
        }
    });
}

void Run::note_lost(const std::string& reason)
{
    if (lost_reason_.empty()) {
        lost_reason_ = reason;
    }
}

void Run::on_lost_hold(Slot& slot, const CallEnd& end)
{
    // It stays owed: its thaw gets the chance to undo what the application may still hold.
    const std::string why =
        "hook " + slot.name() + " ended while it should hold: " + explain(end, slot.limit);
    record(slot, HookPhase::hold, HookResult::lost, end);
    if (quiescing_ && slot.planned.hook.optional) {
        quiesced_.degraded = true; // nothing was promised yet: a failed freeze like any other
        --quiesced_.holding;
        return;
    }
    note_lost(why);
    if (quiescing_) {
        call_off(Error{ErrorKind::io, why});
        return;
    }
    if (!releasing_) {
        tell_lost();
    }
    later([this] { release_next_stage(); });
}

void Run::release(Outcome outcome, std::chrono::milliseconds limit,
                  std::function<void(HoldVerdict)> done)
{
    outcome_ = outcome;
    releasing_ = true;
    release_done_ = std::move(done);
    release_timer_ = loop_->after(limit, [this] { on_release_limit(); });
    later([this] { release_next_stage(); });
}

void Run::release_next_stage()
{
    if (!release_done_ || any(Life::releasing)) {
        return; // it comes again when the last one of this stage has ended
    }
    const auto last = std::find_if(slots_.rbegin(), slots_.rend(),
                                   [](const Slot& slot) { return slot.life == Life::holding; });
    if (last != slots_.rend()) {
        const int stage = last->stage();
        for (Slot& slot : slots_) {
            if (slot.stage() == stage && slot.life == Life::holding) {
                tell_to_let_go(slot);
            }
        }
        return;
    }
    release_timer_.cancel();
    const HoldVerdict verdict{lost_reason_.empty(), true, lost_reason_};
    const auto done = std::exchange(release_done_, nullptr);
    done(verdict);
}

void Run::tell_to_let_go(Slot& slot)
{
    slot.life = Life::releasing;
    slot.since = loop_->now();
    slot.limit = slot.planned.hook.thaw_timeout;
    slot.call->set_limit(slot.limit);
    slot.call->tell_last("thaw\n");
}

void Run::on_released(Slot& slot, const CallEnd& end)
{
    const bool held = classify(end) == HookResult::done;
    record(slot, HookPhase::thaw, held ? HookResult::held : HookResult::lost, end);
    slot.owes = !held; // one that did not end in order gets a thaw call on top
    if (!held) {
        note_lost("hook " + slot.name() + " did not hold: " + explain(end, slot.limit));
    }
    later([this] { release_next_stage(); });
    later([this] { thaw_next_stage(); });
}

void Run::on_release_limit()
{
    release_timer_.cancel();
    std::string waiting;
    for (const Slot& slot : slots_) {
        if (slot.life == Life::releasing && waiting.empty()) {
            waiting = "hook " + slot.name() + " has not said in time whether it held";
        }
    }
    for (Slot& slot : slots_) {
        if (slot.life == Life::holding) {
            tell_to_let_go(slot); // nobody holds longer because another one is slow
        }
    }
    const HoldVerdict verdict{lost_reason_.empty(), !any(Life::releasing),
                              lost_reason_.empty() ? waiting : lost_reason_};
    if (const auto done = std::exchange(release_done_, nullptr)) {
        done(verdict);
    }
}

} // namespace frostline::hooks
