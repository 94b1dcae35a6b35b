// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <string>

namespace frostline::hooks {

/// A regular file that only root can have written: it, and each folder on its real way, is owned by
/// root (or by the agent's own user) and not writable by group or others. A sticky folder such as
/// /tmp is allowed further up, since nobody else can replace what root has put there.
struct TrustedFile {
    UniqueFd fd;           ///< open for reading
    std::string real_path; ///< without symbolic links
    bool executable = false;
};

/// Errors: not_found where there is nothing; permission, with what to change, where it may not be
/// trusted. Checks the file that it has opened, not the name.
[[nodiscard]] Result<TrustedFile> open_trusted(const std::string& path);

} // namespace frostline::hooks
