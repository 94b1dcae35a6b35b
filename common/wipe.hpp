// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>

#include <string>

namespace frostline {

/// Overwrites a secret and empties the string. Unlike an assignment, the compiler may not leave it
/// out (explicit_bzero(3)).
inline void wipe(std::string& secret) noexcept
{
    ::explicit_bzero(secret.data(), secret.size());
    secret.clear();
}

} // namespace frostline
