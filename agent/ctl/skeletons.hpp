// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace frostline::ctl {

/// The program of a session hook; that of a one-shot hook. Both work as they are, for an
/// application that is never there.
[[nodiscard]] std::string session_program(const std::string& name);
[[nodiscard]] std::string oneshot_program(const std::string& name);
/// The key file that names a session's program.
[[nodiscard]] std::string session_file(const std::string& name, const std::string& program);

} // namespace frostline::ctl
