// SPDX-License-Identifier: Apache-2.0
#include "hooks/hook_call.hpp"

#include <utility>

namespace frostline::hooks {

namespace {

constexpr std::chrono::milliseconds patience_after_kill{1000};

} // namespace

Result<void> HookCall::start(system::ChildSpec spec, std::function<void(std::string_view)> on_line,
                             std::function<void(CallEnd)> on_end)
{
    const std::chrono::milliseconds limit = spec.limit;
    kill_after_ = spec.kill_after;
    Result<std::unique_ptr<system::Child>> child =
        launcher_->launch(std::move(spec), {std::move(on_line), [this](system::ChildResult result) {
                                                end({std::move(result), false});
                                            }});
    if (!child) {
        return fail(std::move(child).error());
    }
    child_ = std::move(*child);
    on_end_ = std::move(on_end);
    if (limit.count() > 0) {
        give_up_after(limit);
    }
    return {};
}

void HookCall::tell_last(std::string_view text)
{
    if (child_) {
        child_->write(std::string{text});
        child_->close_stdin();
    }
}

void HookCall::terminate()
{
    if (child_) {
        give_up_after(std::chrono::milliseconds{0});
        child_->terminate();
    }
}

void HookCall::set_limit(std::chrono::milliseconds limit)
{
    if (!child_) {
        return;
    }
    give_up_.cancel();
    if (limit.count() > 0) {
        give_up_after(limit);
    }
    child_->set_limit(limit);
}

void HookCall::give_up_after(std::chrono::milliseconds limit)
{
    give_up_ = loop_->after(limit + kill_after_ + patience_after_kill, [this] {
        child_.reset(); // the launcher waits for it, however long that takes
        CallEnd stuck;
        stuck.result.timed_out = true;
        stuck.stuck = true;
        end(std::move(stuck));
    });
}

void HookCall::end(CallEnd end)
{
    if (const auto tell = std::exchange(on_end_, nullptr)) {
        give_up_.cancel();
        tell(std::move(end)); // may destroy this
    }
}

} // namespace frostline::hooks
