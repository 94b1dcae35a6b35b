// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/child_launcher.hpp"

#include <string>

namespace frostline::system {

/// Looks up a user with all its groups. Asks the name service, which may read files, load code and
/// use the network: never while anything is frozen. An unknown name is a not_found error.
[[nodiscard]] Result<Identity> find_user(const std::string& name);

} // namespace frostline::system
