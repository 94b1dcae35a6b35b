// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace frostline::system {

struct Login {
    std::string user;
    std::chrono::microseconds time{}; ///< since 1970-01-01 UTC

    friend bool operator==(const Login&, const Login&) = default;
};

/// Who is logged in. Any thread. Touches no disk.
class Logins {
public:
    virtual ~Logins() = default;

    /// Each login that lasts, also several of one user.
    [[nodiscard]] virtual Result<std::vector<Login>> list() const = 0;
};

/// Each user once, with the earliest login, in the order in which they come up.
[[nodiscard]] std::vector<Login> earliest_of_each(const std::vector<Login>& logins);

} // namespace frostline::system
