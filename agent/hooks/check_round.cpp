// SPDX-License-Identifier: Apache-2.0
#include "hooks/check_round.hpp"

#include "hooks/verdict.hpp"

#include <utility>

namespace frostline::hooks {

void CheckRound::start(std::size_t index, const PlannedHook& planned)
{
    CallContext context;
    context.limit = planned.hook.freeze_timeout;
    const system::EventLoop::TimePoint since = loop_->now();
    auto call = std::make_unique<HookCall>(*loop_, *launcher_);
    const Result<void> started = call->start(child_spec(planned, HookPhase::check, context),
                                             nullptr, [this, index, since](const CallEnd& end) {
                                                 record(index, classify(end), end, since);
                                                 --running_;
                                                 conclude_if_done();
                                             });
    if (started) {
        ++running_;
        calls_.push_back(std::move(call));
        return;
    }
    CallEnd nothing;
    nothing.result.err.text = started.error().message();
    record(index, HookResult::failed, nothing, since);
}

void CheckRound::finish(std::function<void(std::vector<HookListing>)> done)
{
    done_ = std::move(done);
    conclude_if_done();
}

void CheckRound::record(std::size_t index, HookResult result, const CallEnd& end,
                        system::EventLoop::TimePoint since)
{
    HookListing& entry = listing_[index];
    HookRecord check;
    check.name = entry.name;
    check.stage = entry.stage;
    check.phase = HookPhase::check;
    check.result = result;
    check.start = since;
    check.duration = loop_->now() - since;
    check.standard_error = kept_text(end.result.err);
    check.standard_output = kept_text(end.result.out);
    check.optional = entry.optional;
    entry.check = std::move(check);
}

void CheckRound::conclude_if_done()
{
    if (running_ == 0 && done_) {
        // From the loop: the calls must not go while one of them is telling us its end.
        loop_->post([done = std::exchange(done_, nullptr),
                     listing = std::move(listing_)]() mutable { done(std::move(listing)); });
    }
}

} // namespace frostline::hooks
