// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::ctl {

enum class Verb { help, version, status, hooks, check, rehearse, thaw, new_hook, test_hook };

/// The command line, checked: an option that the verb does not know is refused.
struct Options {
    Verb verb = Verb::help;
    std::optional<std::string> socket;         ///< the agent's control socket
    std::optional<std::string> run_directory;  ///< -t: what the agent was given
    std::optional<std::string> config_file;    ///< -c: what the agent was given
    std::vector<std::string> hook_directories; ///< what the agent was given; empty: configured ones
    bool json = false;
    std::optional<std::chrono::milliseconds> timeout; ///< of one answer
    bool check = false;                               ///< hooks --check
    std::optional<std::string> image;                 ///< check --image ROOT
    std::vector<std::string> mount_points;            ///< rehearse: only these; empty: all
    std::optional<std::chrono::milliseconds> deadline;
    std::chrono::milliseconds hold{1000};             ///< test-hook: between READY and thaw
    std::string name;                                 ///< of a hook, or a hook's file
    bool session = true;                              ///< new-hook: the kind
    std::string directory = "/etc/frostline/hooks.d"; ///< new-hook: where the hook goes
};

/// `arguments` without the program's name. Errors are invalid_argument with a hint.
[[nodiscard]] Result<Options> parse_options(const std::vector<std::string>& arguments);

/// The --help text: fits a screen of 24 lines by 80 columns.
[[nodiscard]] std::string_view help_text();

[[nodiscard]] std::string_view verb_name(Verb verb);

} // namespace frostline::ctl
