// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "hooks/planned_hook.hpp"
#include "hooks/quiescer.hpp"
#include "hooks/settings.hpp"
#include "hooks/workspace.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

/// Everything about hooks that reads disks, looks up users or follows paths. A disk may be slow and
/// a server gone, so all of it is for workers: it takes values and returns values.
namespace frostline::hooks {

struct Preparation {
    std::vector<PlannedHook> planned; ///< in order of their stages
    std::vector<Hook> skipped;        ///< none of their file systems is about to be frozen
    MountList mounts;
    std::vector<std::string> notes;    ///< for the log, the same each time
    std::vector<std::string> warnings; ///< for the log
};

/// Everything that must not be looked up while frozen is looked up here: files, users, file
/// systems. A refused hook is an error: leaving it out would break the promise it was installed
/// for.
[[nodiscard]] Result<Preparation> prepare_hooks(const Settings& settings,
                                                const QuiesceRequest& request);

/// For the hooks that an agent which died owes their thaw. Kills what still runs of their calls.
/// Hooks that have been removed, refused or masked since are passed over with a warning.
[[nodiscard]] Result<Preparation> recover_hooks(const Settings& settings,
                                                const std::vector<OwedHook>& owed);

struct Inventory {
    std::vector<HookListing> listing;
    std::vector<std::pair<std::size_t, PlannedHook>> to_check; ///< index into listing
    std::vector<std::string> notes;
};

/// All hooks; with `check` those prepared whose check can run.
[[nodiscard]] Result<Inventory> take_inventory(const Settings& settings, bool check);

} // namespace frostline::hooks
