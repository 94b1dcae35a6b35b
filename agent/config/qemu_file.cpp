// SPDX-License-Identifier: Apache-2.0
#include "config/qemu_file.hpp"

#include "common/text.hpp"
#include "config/list_entries.hpp"

#include <string>
#include <utility>

namespace frostline::config {

namespace {

const std::string general = "general";

Result<void> read_text(const KeyFile& file, const std::string& key, std::string& target)
{
    auto value = file.string(general, key);
    if (!value) {
        return fail(std::move(value).error());
    }
    if (*value) {
        target = **value;
    }
    return {};
}

Result<void> read_optional(const KeyFile& file, const std::string& key,
                           std::optional<std::string>& target)
{
    if (!file.has(general, key)) {
        return {};
    }
    target.emplace();
    return read_text(file, key, *target);
}

Result<void> read_flag(const KeyFile& file, const std::string& key, bool& target)
{
    std::string value;
    if (Result<void> read = read_text(file, key, value); !read) {
        return read;
    }
    if (value == "true" || value == "1") {
        target = true;
    } else if (value == "false" || value == "0") {
        target = false;
    } else if (file.has(general, key)) {
        return file.fail_at(general, key,
                            "'" + text::printable(value, 64) + "' is none of true, false, 1, 0");
    }
    return {};
}

Result<void> read_list(const KeyFile& file, const std::string& key,
                       std::vector<std::string>& target)
{
    std::string value;
    if (Result<void> read = read_text(file, key, value); !read) {
        return read;
    }
    for (std::string& entry : list_entries(value)) {
        target.push_back(std::move(entry));
    }
    return {};
}

Result<void> read_state_directory(const KeyFile& file, Config& config)
{
    std::optional<std::string> path;
    Result<void> read = read_optional(file, "statedir", path);
    if (read && path) {
        set_state_directory(config.agent, *path);
    }
    return read;
}

Result<void> read_method(const KeyFile& file, Config& config)
{
    std::string name{method_name(config.agent.method)};
    if (Result<void> read = read_text(file, "method", name); !read) {
        return read;
    }
    const std::optional<Method> method = find_method(name);
    if (!method) {
        return file.fail_at(general, "method",
                            "'" + text::printable(name, 64) +
                                "' is none of virtio-serial, isa-serial, unix-listen, "
                                "vsock-listen");
    }
    config.agent.method = *method;
    return {};
}

} // namespace

Result<void> read_qemu_file(const KeyFile& file, Config& config)
{
    AgentSettings& agent = config.agent;
    Result<void> done = read_method(file, config);
    const auto then = [&done](auto&& read, auto&&... arguments) {
        if (done) {
            done = read(arguments...);
        }
    };
    then(read_text, file, "path", agent.path);
    then(read_optional, file, "logfile", agent.log_file);
    then(read_text, file, "pidfile", agent.pid_file);
    then(read_optional, file, "fsfreeze-hook", config.hooks.compatible_script);
    then(read_state_directory, file, config);
    then(read_flag, file, "daemon", agent.daemonize);
    then(read_flag, file, "verbose", agent.verbose);
    then(read_flag, file, "retry-path", agent.retry_path);
    then(read_list, file, "block-rpcs", config.policy.block_rpcs);
    then(read_list, file, "allow-rpcs", config.policy.only);
    return done;
}

} // namespace frostline::config
