// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/quiescer.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace frostline::hooks {

inline constexpr int compatible_stage = -1; ///< of the qemu-ga compatible script: outermost
inline constexpr std::chrono::milliseconds default_timeout{10'000};

/// What a hook's file says (contracts, section 3).
struct Hook {
    std::string name; ///< NN-name, without ".hook"
    int stage = 0;
    std::string path; ///< the file in the hook directory
    std::string program;
    std::string description;
    bool session = false;
    bool optional = false; ///< OnFailure=continue
    std::string user;      ///< empty: as the agent
    std::chrono::milliseconds freeze_timeout = default_timeout;
    std::chrono::milliseconds thaw_timeout = default_timeout;
    std::string condition_path;           ///< empty: none
    std::vector<std::string> filesystems; ///< empty: always
    std::vector<std::string> environment; ///< KEY=value
};

/// A name in the hook directories, with the file that won.
struct CatalogEntry {
    Hook hook; ///< complete when active; else name, stage and path
    HookListing::State state = HookListing::State::active;
    std::string reason; ///< for every state but active
};

} // namespace frostline::hooks
