// SPDX-License-Identifier: Apache-2.0
// The way up: freeze and hold, stage by stage.
#include "common/duration.hpp"
#include "common/text.hpp"
#include "hooks/run.hpp"
#include "hooks/verdict.hpp"
#include "system/run_tag.hpp"

#include <algorithm>
#include <utility>

namespace frostline::hooks {

void Run::quiesce(std::function<void(QuiesceResult)> done)
{
    quiesce_done_ = std::move(done);
    quiescing_ = true;
    begun_ = loop_->now();
    stage_.reset();
    later([this] { start_next_stage(); });
}

void Run::cancel()
{
    if (!quiescing_ || cancelled_) {
        return;
    }
    cancelled_ = true;
    stop_quiescing();
}

void Run::start_next_stage()
{
    if (!quiescing_ || any(Life::quiescing)) {
        return; // it comes again when the last one of this stage has ended
    }
    if (cancelled_ || quiesced_.error) {
        conclude_quiesce();
        return;
    }
    const auto next = std::find_if(slots_.begin(), slots_.end(), [this](const Slot& slot) {
        return !stage_ || slot.stage() > *stage_;
    });
    if (next == slots_.end()) {
        conclude_quiesce();
        return;
    }
    stage_ = next->stage();
    for (auto slot = next; slot != slots_.end() && slot->stage() == *stage_; ++slot) {
        start_freeze(*slot);
        if (quiesced_.error) {
            break;
        }
    }
    later([this] { start_next_stage(); }); // goes on at once when none of them runs
}

void Run::start_freeze(Slot& slot)
{
    const Hook& hook = slot.planned.hook;
    const HookPhase phase = hook.session ? HookPhase::hold : HookPhase::freeze;
    std::chrono::milliseconds limit = hook.freeze_timeout;
    if (request_.budget.count() > 0) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            request_.budget - (loop_->now() - begun_));
        if (left.count() <= 0) {
            failed_to_quiesce(slot, ErrorKind::timeout,
                              "was not started, since the " + format_duration(request_.budget) +
                                  " for all hooks together had passed (hook-budget)");
            return;
        }
        slot.by_budget = left < limit;
        limit = std::min(limit, left);
    }
    slot.owes = true;
    slot.tag = system::next_run_tag();
    // Before it is asked: should the agent die now, its successor knows whom to thaw.
    if (const Result<void> saved = save_debts(); !saved) {
        slot.owes = false;
        slot.tag = 0;
        call_off(Error{saved.error().kind(), "hook " + slot.name() + " was not asked to freeze: " +
                                                 saved.error().message()});
        return;
    }
    slot.life = Life::quiescing;
    if (const Result<void> started = launch(slot, phase, limit); !started) {
        slot.life = Life::idle;
        slot.owes = false; // it has done nothing, and could not be asked to undo it either
        static_cast<void>(save_debts());
        CallEnd nothing;
        nothing.result.err.text = started.error().message();
        record(slot, phase, HookResult::failed, nothing);
        failed_to_quiesce(slot, started.error().kind(), started.error().message());
    }
}

void Run::on_line(Slot& slot, std::string_view line)
{
    if (slot.life == Life::quiescing && text::trim(line) == "READY") {
        on_ready(slot);
    }
}

void Run::on_ready(Slot& slot)
{
    if (slot.stopped) {
        return; // too late: it has been terminated, and its end is on its way
    }
    slot.life = Life::holding;
    slot.call->set_limit(std::chrono::milliseconds{0});
    record(slot, HookPhase::hold, HookResult::done, {});
    ++quiesced_.holding;
    later([this] { start_next_stage(); });
}

void Run::on_freeze_end(Slot& slot, const CallEnd& end)
{
    const bool session = slot.planned.hook.session;
    HookResult result = classify(end);
    std::string what = explain(end, slot.limit);
    if (slot.stopped) {
        result = HookResult::cancelled;
    } else if (session && result == HookResult::done) {
        result = HookResult::failed;
        what = "exited without saying READY";
        if (const std::string last = reason(end.result.err); !last.empty()) {
            what += ": " + last;
        }
    } else if (result == HookResult::timed_out && session) {
        what = "did not say READY: it " + what;
    }
    if (result == HookResult::timed_out && slot.by_budget) {
        what += " (what was left of hook-budget)";
    }
    record(slot, session ? HookPhase::hold : HookPhase::freeze, result, end);
    switch (result) {
    case HookResult::done:
        ++quiesced_.holding;
        break;
    case HookResult::skipped:
        slot.owes = false;
        break;
    case HookResult::busy:
        if (const auto asked = retry_after(end.result)) {
            quiesced_.retry_after = std::max(quiesced_.retry_after.value_or(*asked), *asked);
            what += " (try again in " + std::to_string(asked->count()) + " s)";
        }
        failed_to_quiesce(slot, ErrorKind::busy, "is busy: " + what);
        break;
    case HookResult::timed_out:
        failed_to_quiesce(slot, ErrorKind::timeout, what);
        break;
    case HookResult::failed:
        failed_to_quiesce(slot, ErrorKind::io, "failed: " + what);
        break;
    case HookResult::held:
    case HookResult::lost:
    case HookResult::cancelled:
        break;
    }
    later([this] { start_next_stage(); });
}

void Run::failed_to_quiesce(Slot& slot, ErrorKind kind, const std::string& what)
{
    if (slot.planned.hook.optional) {
        quiesced_.degraded = true;
        return;
    }
    call_off(Error{kind, "hook " + slot.name() + ": " + what});
}

void Run::call_off(Error error)
{
    if (!quiesced_.error) { // the first one is the reason; the others are its consequences
        quiesced_.error = std::move(error);
        stop_quiescing();
    }
}

void Run::stop_quiescing()
{
    for (Slot& slot : slots_) {
        if (slot.life == Life::quiescing && !slot.stopped) {
            slot.stopped = true;
            slot.call->terminate();
        }
    }
    later([this] { start_next_stage(); });
}

void Run::conclude_quiesce()
{
    quiescing_ = false;
    if (cancelled_ && !quiesced_.error) {
        quiesced_.error = Error{ErrorKind::cancelled, "the hooks were called off"};
    }
    // A copy, since the receiver may destroy this.
    if (const auto done = std::exchange(quiesce_done_, nullptr)) {
        done(QuiesceResult{quiesced_});
    }
}

} // namespace frostline::hooks
