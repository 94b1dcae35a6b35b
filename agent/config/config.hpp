// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/settings.hpp"
#include "hooks/settings.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the agent is told by its files and its command line, checked and merged.
namespace frostline::config {

enum class Method { virtio_serial, isa_serial, unix_listen, vsock_listen };

[[nodiscard]] std::string_view method_name(Method method);
/// nullopt when there is no such method.
[[nodiscard]] std::optional<Method> find_method(std::string_view name);

/// Under which name the program runs. A link named qemu-ga has qemu-ga's own defaults.
enum class CalledAs { frostline_agent, qemu_ga };

/// By the last part of argv[0].
[[nodiscard]] CalledAs called_as(std::string_view program);

struct AgentSettings {
    Method method = Method::virtio_serial;
    std::string path; ///< empty: the method's own (see channel_path())
    std::optional<std::string> log_file;
    std::string pid_file = "/var/run/qemu-ga.pid";  ///< used with `daemonize` only, as qemu-ga does
    std::string state_directory = "/run/frostline"; ///< what qemu-ga keeps in its own: qga.state
    std::string run_directory = "/run/frostline";   ///< everything else that lives for a run
    bool verbose = false;
    bool daemonize = false;
    bool retry_path = false;
    std::size_t max_reply = std::size_t{4} << 20U; ///< bytes of one reply line
};

enum class Profile { full, snapshot, inspect, none };

struct PolicySettings {
    Profile profile = Profile::full;
    std::vector<std::string> allow; ///< added to the profile
    std::vector<std::string> block; ///< taken away; wins
    /// qemu-ga's lists, entries as they were given: unless empty, `only` replaces the profile.
    std::vector<std::string> only;
    std::vector<std::string> block_rpcs;
    /// Absolute paths, perhaps with wildcards; absent: everything.
    std::optional<std::vector<std::string>> exec_allow; ///< what guest-exec may run
    std::optional<std::vector<std::string>> file_allow; ///< what guest-file-open may open
};

struct Config {
    AgentSettings agent;
    freeze::Settings freeze;
    hooks::Settings hooks;
    PolicySettings policy;
    bool audit_commands = true;
    std::vector<std::string> sources; ///< files that were read, in order
    std::vector<std::string> notes;   ///< to be logged once there is a log
};

/// What holds when nothing is configured.
[[nodiscard]] Config default_config(CalledAs name);

/// Takes a state directory from a file or an option: everything that lives for a run goes there.
/// Except for qemu-ga's default, /var/run: what is ours stays in its folder below that, where
/// --recover and the tools look for it.
void set_state_directory(AgentSettings& agent, const std::string& path);

/// The path in force: as configured, else the method's default; empty where it has none.
[[nodiscard]] std::string channel_path(const AgentSettings& agent);

/// Makes every path absolute, since the agent changes its working directory, and hands the run
/// directory on to the parts that need it. After dump(), which shows them as given.
void resolve_paths(Config& config);

/// What --dump-conf prints: a qemu-ga key file, ready to be read by either agent.
[[nodiscard]] std::string dump(const Config& config);

} // namespace frostline::config
