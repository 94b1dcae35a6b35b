// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/network.hpp"
#include "system/pseudo_files.hpp"

#include <string>
#include <utility>

namespace frostline::system {

/// Names and addresses from the C library, which asks the kernel over rtnetlink(7) (getifaddrs(3));
/// counters and routes from /proc/net.
class LinuxNetwork : public Network {
public:
    /// `root` lies in front of /proc; for tests.
    explicit LinuxNetwork(std::string root = {}) : files_(std::move(root)) {}

    [[nodiscard]] Result<std::vector<NetworkInterface>> interfaces() const override;
    [[nodiscard]] Result<Routes> routes() const override;

private:
    [[nodiscard]] Result<std::string> table(const std::string& path) const;

    PseudoFiles files_;
};

} // namespace frostline::system
