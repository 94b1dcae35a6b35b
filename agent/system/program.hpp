// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "system/child_launcher.hpp"

#include <string>

namespace frostline::system {

/// What to execute for a ChildSpec.
struct Program {
    std::string path; ///< by this path, or
    UniqueFd file;    ///< if valid: this very file, and `path` is a way to open it in the child
    /// Whether `file` has to stay open in the program: the kernel gives an interpreter a path
    /// through it (execveat(2)).
    bool stays_open = false;
};

/// Finds the program of `spec` and holds it against `spec.allowed`. What has been allowed is what
/// will run: by its real path where only root can change what that names, else by descriptor, and
/// then a script sees /dev/fd/N for its own name. May block on file systems. os_error() is set
/// unless the rules were the reason.
[[nodiscard]] Result<Program> program_for(const ChildSpec& spec);

} // namespace frostline::system
