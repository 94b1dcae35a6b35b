// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "hooks/hook.hpp"
#include "system/child_launcher.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace frostline::hooks {

/// A hook with everything looked up that must not be looked up while file systems are frozen.
struct PlannedHook {
    Hook hook;
    std::optional<system::Identity> identity;
    std::string folder;
};

/// Looks up the user and makes the folder.
[[nodiscard]] Result<PlannedHook> plan_hook(const Hook& hook, const std::string& run_directory);

/// What the program is told about the freeze that it is part of.
struct CallContext {
    std::string freeze_id;          ///< empty: none (check)
    std::string mount_list;         ///< path; empty: not known (check)
    std::optional<Outcome> outcome; ///< on thaw
    std::chrono::milliseconds limit{0};
};

/// The program, its argument, environment and identity for one phase.
[[nodiscard]] system::ChildSpec child_spec(const PlannedHook& planned, HookPhase phase,
                                           const CallContext& context);

/// Whether one of the hook's Filesystems= is about to be frozen (or it names none). A path that
/// does not exist counts as the folder it would be in.
[[nodiscard]] bool concerned(const Hook& hook, const QuiesceRequest& request);

} // namespace frostline::hooks
