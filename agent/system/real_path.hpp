// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>

namespace frostline::system {

/// Where the file behind a descriptor (O_PATH will do) is now: absolute, without symbolic links.
/// An error for what has no path: deleted files, pipes, sockets, and what lies outside the agent's
/// root (proc(5), /proc/pid/fd). Needs /proc.
[[nodiscard]] Result<std::string> real_path(int fd);

/// The path under which the calling process can open a descriptor anew: the very file, whatever
/// its name has become (proc(5)).
[[nodiscard]] std::string path_of_descriptor(int fd);

/// Whether nobody but root can make `path` (as real_path() gives it) name another file: all its
/// folders and it itself are root's, and writable by nobody else.
[[nodiscard]] bool only_root_can_change(const std::string& path);

} // namespace frostline::system
