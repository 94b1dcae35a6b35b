// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/logins.hpp"
#include "system/pseudo_files.hpp"

#include <string>
#include <utility>

namespace frostline::system {

/// /run/utmp, or where there is none (it ends with the year 2038, so distributions drop it) the
/// sessions that systemd-logind keeps in /run/systemd/sessions. libsystemd would read the same
/// files, but tells when a session began from version 254 on only.
class LinuxLogins : public Logins {
public:
    /// `root` lies in front of /run; for tests.
    explicit LinuxLogins(std::string root = {}) : files_(std::move(root)) {}

    [[nodiscard]] Result<std::vector<Login>> list() const override;

private:
    [[nodiscard]] Result<std::vector<Login>> sessions() const;

    PseudoFiles files_;
};

} // namespace frostline::system
