// SPDX-License-Identifier: Apache-2.0
#include "hooks/run.hpp"

#include "hooks/trusted_file.hpp"
#include "hooks/verdict.hpp"

#include <algorithm>
#include <utility>

namespace frostline::hooks {

Run::Run(system::EventLoop& loop, system::ChildLauncher& launcher, QuiesceRequest request,
         std::vector<PlannedHook> hooks, const std::vector<Hook>& skipped, MountList mounts)
    : loop_(&loop), launcher_(&launcher), request_(std::move(request)), mounts_(std::move(mounts))
{
    slots_.reserve(hooks.size());
    for (PlannedHook& hook : hooks) {
        slots_.emplace_back(std::move(hook), loop, launcher);
    }
    // Three records per hook at most without retries: no allocation while frozen.
    records_.reserve(3 * slots_.size() + skipped.size());
    for (const Hook& hook : skipped) {
        HookRecord entry;
        entry.name = hook.name;
        entry.stage = hook.stage;
        entry.phase = hook.session ? HookPhase::hold : HookPhase::freeze;
        entry.result = HookResult::skipped;
        entry.start = loop.now();
        entry.standard_error = "none of its file systems is about to be frozen";
        entry.optional = hook.optional;
        records_.push_back(std::move(entry));
    }
}

Run::~Run() = default;

std::vector<OwedHook> Run::debts() const
{
    std::vector<OwedHook> debts;
    for (const Slot& slot : slots_) {
        if (slot.owes) {
            debts.push_back({slot.name(), slot.tag});
        }
    }
    return debts;
}

Result<void> Run::save_debts() const
{
    return save_debts_ ? save_debts_() : Result<void>{};
}

Result<void> Run::launch(Slot& slot, HookPhase phase, std::chrono::milliseconds limit)
{
    // Hooks may run for a minute between the look at all of them and this call.
    if (const Result<TrustedFile> program = open_trusted(slot.planned.hook.program); !program) {
        return fail(program.error().with_context("changed since the freeze began"));
    }
    CallContext context;
    context.freeze_id = request_.freeze_id;
    context.mount_list = mounts_.path();
    context.limit = limit;
    if (phase == HookPhase::thaw) {
        context.outcome = outcome_;
    }
    slot.limit = limit;
    slot.stopped = false;
    slot.since = loop_->now();
    std::function<void(std::string_view)> lines;
    if (phase == HookPhase::hold) {
        lines = [this, &slot](std::string_view line) { on_line(slot, line); };
    }
    system::ChildSpec spec = child_spec(slot.planned, phase, context);
    spec.run_tag = slot.tag;
    Result<void> started =
        slot.call->start(std::move(spec), std::move(lines),
                         [this, &slot](const CallEnd& end) { on_end(slot, end); });
    if (!started) {
        slot.tag = 0;
    }
    return started;
}

void Run::on_end(Slot& slot, const CallEnd& end)
{
    if (!end.stuck) { // one that cannot be killed is still there, and may go on when it can
        slot.tag = 0;
    }
    switch (std::exchange(slot.life, Life::idle)) {
    case Life::quiescing:
        on_freeze_end(slot, end);
        break;
    case Life::holding:
        on_lost_hold(slot, end);
        break;
    case Life::releasing:
        on_released(slot, end);
        break;
    case Life::thawing: {
        const HookResult result = classify(end);
        record(slot, HookPhase::thaw, result, end);
        on_thaw_end(slot, result);
        break;
    }
    case Life::idle:
        break;
    }
    static_cast<void>(save_debts()); // best effort: at worst a hook is thawed once too often
}

HookRecord& Run::record(const Slot& slot, HookPhase phase, HookResult result, const CallEnd& end)
{
    HookRecord entry;
    entry.name = slot.name();
    entry.stage = slot.stage();
    entry.phase = phase;
    entry.result = result;
    entry.start = slot.since;
    entry.duration = loop_->now() - slot.since;
    entry.standard_error = kept_text(end.result.err);
    entry.standard_output = kept_text(end.result.out);
    entry.optional = slot.planned.hook.optional;
    records_.push_back(std::move(entry));
    return records_.back();
}

bool Run::any(Life life, std::optional<int> stage) const
{
    return std::any_of(slots_.begin(), slots_.end(), [life, stage](const Slot& slot) {
        return slot.life == life && (!stage || slot.stage() == *stage);
    });
}

void Run::later(std::function<void()> action)
{
    loop_->post([weak = std::weak_ptr{alive_}, action = std::move(action)] {
        if (!weak.expired()) { // the loop's thread is the only one that could end us meanwhile
            action();
        }
    });
}

} // namespace frostline::hooks
