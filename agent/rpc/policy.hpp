// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rpc/registry.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::rpc {

/// Which commands may run. Rules of qemu-ga (an allow list, minus a block list) on top of a named
/// profile; while frozen only the commands that are safe then. Those that end a freeze run then
/// even if the lists forbid them: with qemu-ga all safe ones do.
struct PolicyRules {
    std::optional<std::vector<std::string>> profile; ///< the profile's commands; absent: all
    std::vector<std::string> allow;                  ///< added to the profile
    std::vector<std::string> only;  ///< unless empty: takes the place of the profile
    std::vector<std::string> block; ///< taken away in the end
};

class Policy {
public:
    explicit Policy(const PolicyRules& rules);

    [[nodiscard]] bool allows(const Command& command, bool frozen) const;
    /// Names in the rules that no command bears. qemu-ga ignores them; worth a line in the log.
    [[nodiscard]] std::vector<std::string> unknown_names(const Registry& registry) const;

private:
    std::optional<std::set<std::string, std::less<>>> allowed_;
    std::set<std::string, std::less<>> blocked_;
};

} // namespace frostline::rpc
