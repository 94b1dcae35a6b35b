// SPDX-License-Identifier: Apache-2.0
//
// What the freeze session leaves for a successor, and takes over from a predecessor.
#include "freeze/freeze_session.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace frostline::freeze {

/// The run state always says what a successor would have to undo, and what it would have to tell.
Result<void> FreezeSession::save()
{
    RunState state;
    if (operation_) {
        state = operation_->held();
    } else if (recovery_) {
        state = recovery_->left();
    } else if (left_over_) {
        state = left_over_->held();
    }
    if (lapse_) {
        state.lapse = *lapse_;
        if (!state.holds()) {
            state.id = lapse_->id;
        }
    }
    if (state.holds() || state.lapse) {
        saved_ = true;
        return parts_.store.save(state);
    }
    if (std::exchange(saved_, false)) {
        parts_.store.remove();
    }
    return {};
}

void FreezeSession::note_lapse(std::string what, system::EventLoop::TimePoint when)
{
    lapse_ = Lapse{{std::move(what), when, operation_->thawed_count()}, operation_->id()};
}

void FreezeSession::recover(std::function<void()> done)
{
    Recovery::Events events;
    events.save = [this] { return save(); };
    events.thawed = [this, done = std::move(done)](Recovery::Recovered outcome) {
        recovered(std::move(outcome));
        done();
    };
    events.hooks_ended = [this] {
        for (const auto& asker : std::exchange(shutdown_askers_, {})) {
            asker();
        }
    };
    recovery_ = std::make_unique<Recovery>(parts_, std::move(events));
    recovery_->start();
}

void FreezeSession::recovered(Recovery::Recovered outcome)
{
    if (!outcome.found) {
        return;
    }
    saved_ = true;
    if (outcome.found->granted) {
        lapse_ = Lapse{{": the agent died while frozen and its successor thawed", parts_.loop.now(),
                        std::max<std::int64_t>(
                            static_cast<std::int64_t>(outcome.found->filesystems.size()), 1)},
                       outcome.found->id};
    } else if (outcome.found->lapse) {
        lapse_ = Lapse{*outcome.found->lapse, outcome.found->id};
    }
    if (outcome.found->holds()) {
        outcome.report.finished = true;
        last_ = std::move(outcome.report);
    }
    static_cast<void>(save());
}

} // namespace frostline::freeze
