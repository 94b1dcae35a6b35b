// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "system/path_rules.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace frostline::system {

/// A mode of fopen(3).
struct FileMode {
    std::string text;
    int flags = 0; ///< of open(2): access, O_CREAT, O_TRUNC, O_APPEND
};

/// r w a, each with + or b or both in either order; nullopt for anything else.
[[nodiscard]] std::optional<FileMode> parse_file_mode(std::string_view text);

/// Opens a file for a client, with O_NONBLOCK, O_NOCTTY and O_CLOEXEC. May block on the file
/// system: for a worker. A new file gets 0666 less the umask, also at the end of a symbolic link
/// that leads nowhere yet.
///
/// With rules, nothing is opened, created or cut to length before the real path is known to be
/// allowed, and what is opened is what was looked at, whatever becomes of its name meanwhile.
/// os_error() is set unless the rules were the reason.
[[nodiscard]] Result<UniqueFd> open_file(const std::string& path, const FileMode& mode,
                                         const PathRules* rules);

} // namespace frostline::system
