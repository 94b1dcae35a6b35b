// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <map>
#include <string>

namespace frostline::system {

struct KernelName {
    std::string release; ///< such as 6.1.0-18-amd64
    std::string version; ///< which build of it
    std::string machine; ///< such as x86_64
};

/// What the guest is and what it is called. Loop thread only.
class GuestIdentity {
public:
    virtual ~GuestIdentity() = default;

    /// As it is now.
    [[nodiscard]] virtual Result<std::string> host_name() const = 0;
    [[nodiscard]] virtual Result<KernelName> kernel() const = 0;
    /// What os-release(5) says, by its names, such as PRETTY_NAME; empty where there is no file.
    [[nodiscard]] virtual std::map<std::string, std::string, std::less<>> os_release() const = 0;
};

} // namespace frostline::system
