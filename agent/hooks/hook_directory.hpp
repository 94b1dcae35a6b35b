// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "hooks/hook.hpp"

#include <string>
#include <vector>

namespace frostline::hooks {

/// Everything that the hook directories hold.
struct Catalog {
    std::vector<CatalogEntry> entries; ///< by stage, then name
    std::vector<std::string> ignored;  ///< "PATH: reason", for the log
};

/// Reads the directories, in rising precedence. One that does not exist holds nothing; one that
/// cannot be read is an error. A file that is wrong or may not be trusted becomes a refused entry,
/// with the reason; it does not bring back the file of the same name that it replaces.
[[nodiscard]] Result<Catalog> read_hook_directories(const std::vector<std::string>& directories);

/// The script of qemu-ga's -F as a hook of its own.
[[nodiscard]] CatalogEntry compatible_script_entry(const std::string& path);

} // namespace frostline::hooks
