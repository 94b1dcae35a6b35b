// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "system/child_launcher.hpp"

#include <cstdint>

namespace frostline::system {

/// A process that has just been started, with our ends of its pipes (non-blocking).
struct Spawned {
    pid_t pid = -1;
    UniqueFd process; ///< pidfd: readable when it has ended
    UniqueFd in;      ///< only when asked for, as the others
    UniqueFd out;
    UniqueFd err;
};

/// Starts the program of `spec` in a session and process group of its own, wearing `tag` (see
/// run_tag.hpp). The program runs when this returns; what keeps it from that is an error here.
/// May block while the program is found and loaded. Any thread.
[[nodiscard]] Result<Spawned> spawn(const ChildSpec& spec, std::uint64_t tag);

} // namespace frostline::system
