// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>

namespace frostline::system {

/// 0 when `path` is a file that the agent may execute, else errno; EACCES for what is no regular
/// file. Looks at the file system: not while frozen.
[[nodiscard]] int why_not_executable(const std::string& path);

/// Whether `path` is a file that the agent may execute. Looks at the file system: not while frozen.
[[nodiscard]] bool is_executable(const std::string& path);

/// The path of a program: `name` itself when it has a slash, else the first executable file of that
/// name in `search_path` (folders separated by ':', relative ones are passed over). An error is
/// errno's text alone: ENOENT, or EACCES when there are such files and none may be executed, as
/// execvp(3) has it.
[[nodiscard]] Result<std::string> find_program(const std::string& name,
                                               const std::string& search_path);

/// The agent's own PATH, or the usual folders when it has none. Not thread-safe beside setenv().
[[nodiscard]] std::string program_search_path();

} // namespace frostline::system
