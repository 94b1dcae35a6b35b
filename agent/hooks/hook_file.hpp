// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "hooks/hook.hpp"

#include <string>
#include <string_view>

namespace frostline::hooks {

/// A name as hook directories have them: "NN-name" or "NN-name.hook", the name made of letters,
/// digits, '-' and '_' (so that editors' and package managers' left-overs don't fit).
struct HookName {
    std::string name; ///< without ".hook"
    int stage = 0;
    bool key_file = false;
};

/// An error that says what is wrong with `file_name` as a hook's name.
[[nodiscard]] Result<HookName> parse_hook_name(std::string_view file_name);

/// Reads the text of a key file. `path` is for the messages, which name file, line, group and key,
/// and say what would be right.
[[nodiscard]] Result<Hook> parse_hook_file(std::string_view text, const std::string& path,
                                           const HookName& name);

} // namespace frostline::hooks
