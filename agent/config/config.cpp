// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include "common/text.hpp"

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

namespace frostline::config {

namespace {

constexpr std::array<std::pair<Method, std::string_view>, 4> methods{{
    {Method::virtio_serial, "virtio-serial"},
    {Method::isa_serial, "isa-serial"},
    {Method::unix_listen, "unix-listen"},
    {Method::vsock_listen, "vsock-listen"},
}};

void make_absolute(std::string& path)
{
    if (path.empty() || path.front() == '/') {
        return;
    }
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(path, error);
    if (!error) {
        path = absolute.string();
    }
}

std::string_view yes_or_no(bool value)
{
    return value ? "true" : "false";
}

/// A string as it stands in a key file (g_key_file_set_string).
std::string key_file_value(std::string_view value)
{
    std::string out;
    bool leading = true;
    for (const char c : value) {
        leading = leading && (c == ' ' || c == '\t');
        switch (c) {
        case ' ':
            out += leading ? "\\s" : " ";
            break;
        case '\t':
            out += leading ? "\\t" : "\t";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            out += c;
        }
    }
    return out;
}

} // namespace

CalledAs called_as(std::string_view program)
{
    const std::size_t slash = program.rfind('/');
    const std::string_view name =
        slash == std::string_view::npos ? program : program.substr(slash + 1);
    return name == "qemu-ga" ? CalledAs::qemu_ga : CalledAs::frostline_agent;
}

Config default_config(CalledAs name)
{
    Config config;
    if (name == CalledAs::qemu_ga) {
        set_state_directory(config.agent, "/var/run");
    }
    return config;
}

void set_state_directory(AgentSettings& agent, const std::string& path)
{
    const std::size_t last = path.find_last_not_of('/');
    const std::string_view plain = std::string_view{path}.substr(0, last + 1);
    agent.state_directory = path;
    agent.run_directory =
        plain == "/var/run" || plain == "/run" ? AgentSettings{}.run_directory : path;
}

std::string_view method_name(Method method)
{
    for (const auto& [value, name] : methods) {
        if (value == method) {
            return name;
        }
    }
    return "unknown";
}

std::optional<Method> find_method(std::string_view name)
{
    for (const auto& [value, known] : methods) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::string channel_path(const AgentSettings& agent)
{
    if (!agent.path.empty()) {
        return agent.path;
    }
    switch (agent.method) {
    case Method::virtio_serial:
        return "/dev/virtio-ports/org.qemu.guest_agent.0";
    case Method::isa_serial:
        return "/dev/ttyS0";
    case Method::unix_listen:
    case Method::vsock_listen:
        break;
    }
    return {};
}

void resolve_paths(Config& config)
{
    make_absolute(config.agent.state_directory);
    make_absolute(config.agent.run_directory);
    make_absolute(config.agent.pid_file);
    if (config.agent.log_file) {
        make_absolute(*config.agent.log_file);
    }
    // A socket is bound before the working directory changes, and its path has few bytes to spare;
    // with -r it may be bound later.
    const Method method = config.agent.method;
    if (method == Method::virtio_serial || method == Method::isa_serial ||
        (method == Method::unix_listen && config.agent.daemonize && config.agent.retry_path)) {
        make_absolute(config.agent.path);
    }
    for (std::string& directory : config.hooks.directories) {
        make_absolute(directory);
    }
    if (config.hooks.compatible_script) {
        make_absolute(*config.hooks.compatible_script);
    }
    make_absolute(config.freeze.guard_program);
    config.freeze.run_directory = config.agent.run_directory;
    config.hooks.run_directory = config.agent.run_directory;
}

std::string dump(const Config& config)
{
    const AgentSettings& agent = config.agent;
    std::string out = "[general]\n";
    const auto line = [&out](std::string_view key, std::string_view value) {
        out.append(key).append("=").append(key_file_value(value)).append("\n");
    };
    line("daemon", yes_or_no(agent.daemonize));
    line("method", method_name(agent.method));
    if (const std::string path = channel_path(agent); !path.empty()) {
        line("path", path);
    }
    if (agent.log_file) {
        line("logfile", *agent.log_file);
    }
    line("pidfile", agent.pid_file);
    if (config.hooks.compatible_script) {
        line("fsfreeze-hook", *config.hooks.compatible_script);
    }
    line("statedir", agent.state_directory);
    line("verbose", yes_or_no(agent.verbose));
    line("retry-path", yes_or_no(agent.retry_path));
    line("block-rpcs", text::join(config.policy.block_rpcs, ","));
    line("allow-rpcs", text::join(config.policy.only, ","));
    return out;
}

} // namespace frostline::config
