// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/helper_programs.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace frostline::system {

/// What systemctl(1) tells of one run of a service.
struct UnitRun {
    std::string invocation; ///< empty: it has never run
    std::string state;      ///< ActiveState: "inactive", "activating", "failed" …
    std::string result;     ///< Result: "success", "exit-code" …

    /// Whether this run has ended badly.
    [[nodiscard]] bool failed() const { return state == "failed"; }
    /// Whether this run goes on.
    [[nodiscard]] bool running() const
    {
        return state == "activating" || state == "active" || state == "deactivating" ||
               state == "reloading";
    }
};

/// From lines of NAME=VALUE in any order, as "systemctl show" prints them. What is not there stays
/// empty.
[[nodiscard]] UnitRun read_unit_run(std::string_view text);

/// Asks the service manager about the latest run of `unit`; nothing is known (an empty UnitRun)
/// when it doesn't answer. `done` is called once, never inside the call. Loop thread only.
void ask_unit_run(HelperPrograms& helpers, const std::string& unit, const std::string& action,
                  std::function<void(UnitRun)> done);

} // namespace frostline::system
