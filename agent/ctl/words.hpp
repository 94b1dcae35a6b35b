// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/plan.hpp"
#include "hooks/quiescer.hpp"

/// The contract's words for what the engine knows.
namespace frostline::ctl {

[[nodiscard]] constexpr const char* word(freeze::Action action)
{
    return action == freeze::Action::freeze ? "freeze" : "sync";
}

[[nodiscard]] constexpr const char* word(hooks::HookResult result)
{
    switch (result) {
    case hooks::HookResult::done:
        return "done";
    case hooks::HookResult::held:
        return "held";
    case hooks::HookResult::lost:
        return "lost";
    case hooks::HookResult::busy:
        return "busy";
    case hooks::HookResult::skipped:
        return "skipped";
    case hooks::HookResult::failed:
        return "failed";
    case hooks::HookResult::timed_out:
        return "timed-out";
    case hooks::HookResult::cancelled:
        break;
    }
    return "cancelled";
}

[[nodiscard]] constexpr const char* word(hooks::HookPhase phase)
{
    switch (phase) {
    case hooks::HookPhase::check:
        return "check";
    case hooks::HookPhase::freeze:
        return "freeze";
    case hooks::HookPhase::hold:
        return "hold";
    case hooks::HookPhase::thaw:
        break;
    }
    return "thaw";
}

[[nodiscard]] constexpr const char* word(hooks::HookListing::State state)
{
    switch (state) {
    case hooks::HookListing::State::active:
        return "active";
    case hooks::HookListing::State::masked:
        return "masked";
    case hooks::HookListing::State::refused:
        return "refused";
    case hooks::HookListing::State::condition_unmet:
        break;
    }
    return "condition-unmet";
}

} // namespace frostline::ctl
