// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "config/config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::config {

/// What a run of the program is for.
enum class Action { serve, help, version, dump, check, list_commands, recover };

/// What the command line says; absent: not said.
struct CommandLine {
    Action action = Action::serve;
    std::optional<std::string> config_file;
    std::optional<Method> method;
    std::optional<std::string> path;
    std::optional<std::string> log_file;
    std::optional<std::string> pid_file;
    std::optional<std::string> state_directory;
    std::optional<std::string> fsfreeze_hook;
    std::optional<std::string> guard_program;
    std::vector<std::string> hook_directories;
    std::vector<std::string> block_rpcs;
    std::vector<std::string> allow_rpcs;
    bool verbose = false;
    bool daemonize = false;
    bool retry_path = false;
    bool distribution_defaults = false; ///< see distribution.hpp
};

/// The error text for an option that is none, as qemu-ga has it. It goes to standard output.
[[nodiscard]] std::string unknown_option(std::string_view program);

/// qemu-ga's options (GNU getopt_long: abbreviations and permuted arguments) and our own.
/// Those that only print something end the reading, as there: what follows isn't looked at.
/// An error has the text for the user; for an option that is none, not_found and
/// unknown_option(). Not thread-safe, as getopt is not.
[[nodiscard]] Result<CommandLine> parse_command_line(int argc, char* const* argv);

[[nodiscard]] std::string usage(std::string_view program);

/// Lays the command line over what the files say. Lists are added to, the rest is replaced.
void apply(const CommandLine& command_line, Config& config);

} // namespace frostline::config
