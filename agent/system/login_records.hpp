// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/logins.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace frostline::system {

/// The logins in the bytes of a utmp(5) file: its USER_PROCESS records. A record that is cut short
/// or names nobody is passed over.
[[nodiscard]] std::vector<Login> parse_utmp(std::string_view bytes);

/// The login in a file of logind's, /run/systemd/sessions/NAME: nothing when it is a session of
/// something else than a user (a greeter, a service manager), is closing, or is damaged.
[[nodiscard]] std::optional<Login> parse_session(std::string_view text);

} // namespace frostline::system
