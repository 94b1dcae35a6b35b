// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/guest_identity.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace frostline::system {

/// Where os-release(5) is, best first: the file of `$QGA_OS_RELEASE` alone if that is set. Start-up
/// only.
[[nodiscard]] std::vector<std::string> os_release_files();

/// The kernel's names, and the first file of a list that can be read. That file is read at once and
/// again with each question, but not while `frozen()`, since it lies on a disk: then what it said
/// last is told.
class LinuxGuestIdentity : public GuestIdentity {
public:
    explicit LinuxGuestIdentity(std::function<bool()> frozen,
                                std::vector<std::string> files = os_release_files());

    [[nodiscard]] Result<std::string> host_name() const override;
    [[nodiscard]] Result<KernelName> kernel() const override;
    [[nodiscard]] std::map<std::string, std::string, std::less<>> os_release() const override;

private:
    void look() const;

    std::function<bool()> frozen_;
    std::vector<std::string> files_;
    mutable std::map<std::string, std::string, std::less<>> known_;
};

} // namespace frostline::system
