// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace frostline::hooks {

struct Settings {
    /// Rising precedence.
    std::vector<std::string> directories{"/usr/lib/frostline/hooks.d", "/etc/frostline/hooks.d",
                                         "/run/frostline/hooks.d"};
    /// The script that qemu-ga's -F names; absent: none.
    std::optional<std::string> compatible_script;
    /// Only the hook of this name, as if the others were not there; absent: all.
    std::optional<std::string> only;
    std::string run_directory = "/run/frostline"; ///< on tmpfs: working directories, mount lists
};

} // namespace frostline::hooks
