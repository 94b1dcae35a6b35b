// SPDX-License-Identifier: Apache-2.0
// The second half of the way down: the thaw calls that are owed.
#include "hooks/run.hpp"
#include "hooks/verdict.hpp"
#include "system/run_tag.hpp"

#include <algorithm>
#include <utility>

namespace frostline::hooks {

namespace {

constexpr int most_thaw_tries = 3;
constexpr std::chrono::seconds first_pause{1}; // doubles from try to try

} // namespace

void Run::owe_all()
{
    for (Slot& slot : slots_) {
        slot.owes = true;
    }
}

void Run::thaw(Outcome outcome, std::function<void()> done)
{
    outcome_ = outcome;
    thaw_done_ = std::move(done);
    thaw_walked_ = false;
    stage_.reset();
    for (Slot& slot : slots_) {
        slot.thaw_tries = 0;
        if (slot.life == Life::holding) {
            tell_to_let_go(slot); // no thaw may leave one holding, whatever came before
        }
    }
    later([this] { thaw_next_stage(); });
}

void Run::thaw_next_stage()
{
    if (!thaw_done_) {
        return;
    }
    while (!thaw_walked_) {
        // A session that is late with its answer comes before what lies below it. Retries of
        // the stages above are not waited for.
        if (any(Life::releasing) || (stage_ && any(Life::thawing, stage_))) {
            return; // it comes again when that has ended
        }
        const auto next = std::find_if(slots_.rbegin(), slots_.rend(), [this](const Slot& slot) {
            return !stage_ || slot.stage() < *stage_;
        });
        if (next == slots_.rend()) {
            thaw_walked_ = true;
            break;
        }
        stage_ = next->stage();
        for (Slot& slot : slots_) {
            if (slot.stage() == *stage_ && slot.owes && slot.thaw_tries == 0) {
                start_thaw(slot);
            }
        }
    }
    const bool retrying = std::any_of(slots_.begin(), slots_.end(),
                                      [](const Slot& slot) { return slot.retry.active(); });
    if (!retrying && !any(Life::thawing)) {
        const auto done = std::exchange(thaw_done_, nullptr);
        done(); // may destroy this
    }
}

void Run::start_thaw(Slot& slot)
{
    ++slot.thaw_tries;
    slot.life = Life::thawing;
    slot.tag = system::next_run_tag();
    static_cast<void>(save_debts());
    const Result<void> started = launch(slot, HookPhase::thaw, slot.planned.hook.thaw_timeout);
    if (!started) {
        slot.life = Life::idle;
        CallEnd nothing;
        nothing.result.err.text = started.error().message();
        record(slot, HookPhase::thaw, HookResult::failed, nothing);
        on_thaw_end(slot, HookResult::failed);
    }
}

void Run::on_thaw_end(Slot& slot, HookResult result)
{
    if (result == HookResult::done || result == HookResult::skipped) {
        slot.owes = false;
    } else if (slot.thaw_tries < most_thaw_tries) {
        // The stages below don't wait for that: better late in one application than in all.
        slot.retry = loop_->after(first_pause * (1 << (slot.thaw_tries - 1)), [this, &slot] {
            later([this, &slot] {
                slot.retry.cancel();
                start_thaw(slot);
            });
        });
    }
    later([this] { thaw_next_stage(); });
}

} // namespace frostline::hooks
