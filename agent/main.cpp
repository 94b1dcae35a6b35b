// SPDX-License-Identifier: Apache-2.0
#include "agent_app.hpp"
#include "check_config.hpp"
#include "common/log.hpp"
#include "config/command_line.hpp"
#include "config/config_files.hpp"
#include "config/distribution.hpp"
#include "daemon.hpp"
#include "log_output.hpp"
#include "memory.hpp"
#include "qapi/commands.hpp"
#include "service_manager.hpp"
#include "system/authorized_keys_task.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace frostline {
namespace {

int print(const std::string& text)
{
    return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}

int complain(const Error& error)
{
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, error.message().c_str());
    return 1;
}

std::string version(config::CalledAs name)
{
    // Scripts cut the version out of qemu-ga's words.
    return name == config::CalledAs::qemu_ga ? "QEMU Guest Agent " FROSTLINE_VERSION "\n"
                                             : "Frostline guest agent " FROSTLINE_VERSION
                                               " (speaks the QEMU Guest Agent protocol)\n";
}

std::string command_names()
{
    std::string names;
    for (const qapi::CommandInfo& command : qapi::command_table) {
        names.append(command.name).append("\n");
    }
    return names;
}

const char* environment(const char* name)
{
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe): start-up, one thread
}

/// What the unit's environment files say. It is not for the programs that the agent starts.
Result<config::DistributionDefaults> take_distribution_defaults()
{
    auto defaults = config::distribution_defaults(environment);
    for (const char* const name : config::distribution_variables) {
        ::unsetenv(name); // NOLINT(concurrency-mt-unsafe): start-up, one thread
    }
    return defaults;
}

Result<config::Config> load(const config::CommandLine& line, config::CalledAs name)
{
    config::DistributionDefaults defaults;
    if (line.distribution_defaults) {
        auto taken = take_distribution_defaults();
        if (!taken) {
            return fail(std::move(taken).error());
        }
        defaults = std::move(taken).value();
    }
    config::Places places;
    places.called_as = name;
    for (const config::CommandLine& earlier : defaults.lines) {
        places.only = earlier.config_file ? earlier.config_file : places.only;
    }
    places.only = line.config_file ? line.config_file : places.only;
    if (const char* variable = environment("QGA_CONF"); variable != nullptr) {
        places.qga_conf = variable;
    }
    Result<config::Config> config = config::load_files(places);
    if (!config) {
        return config;
    }
    for (const config::CommandLine& earlier : defaults.lines) {
        config::apply(earlier, *config);
    }
    config::apply(line, *config);
    config->notes = std::move(defaults.notes);
    if (line.distribution_defaults && config->agent.daemonize) {
        config->agent.daemonize = false;
        config->notes.emplace_back("the service manager expects the agent to stay in the "
                                   "foreground, so \"daemon\" is passed over");
    }
    return config;
}

/// The run directory, and a word of warning when writing there could block while frozen.
Result<void> prepare_run_directory(const std::string& path)
{
    if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) {
        return fail_errno("cannot make the run directory " + path, errno);
    }
    struct statfs status {};
    if (::statfs(path.c_str(), &status) < 0) {
        return fail_errno("cannot look at the run directory " + path, errno);
    }
    if (status.f_type != TMPFS_MAGIC && status.f_type != RAMFS_MAGIC) {
        log::warning("the run directory is not on tmpfs",
                     path +
                         ": when its file system is frozen the agent may get stuck on it; choose "
                         "a directory below /run with --statedir");
    }
    return {};
}

Result<void> run(const config::Config& config, bool recover_only)
{
    if (Result<void> opened = open_log(config.agent); !opened) {
        return opened;
    }
    for (const std::string& note : config.notes) {
        log::warning(note);
    }
    // Before a fork: the service manager's variables name the process that it has started.
    Result<std::optional<UniqueFd>> passed =
        recover_only ? Result<std::optional<UniqueFd>>{std::optional<UniqueFd>{}}
                     : service_manager::take_socket();
    if (!passed) {
        return fail(std::move(passed).error());
    }
    if (Result<void> prepared = prepare_run_directory(config.agent.run_directory); !prepared) {
        return prepared;
    }
    std::optional<Daemon> daemon;
    if (config.agent.daemonize && !recover_only) {
        Result<Daemon> forked = Daemon::fork();
        if (!forked) {
            return fail(std::move(forked).error());
        }
        daemon.emplace(std::move(forked).value());
        if (Result<void> locked = daemon->lock_pid_file(config.agent.pid_file); !locked) {
            return locked;
        }
    }
    if (const Result<void> locked = memory::lock(); !locked) { // after the fork, which drops it
        log::warning(locked.error().message());
    }
    Result<std::unique_ptr<system::GlibLoop>> loop = system::GlibLoop::create();
    if (!loop) {
        return fail(std::move(loop).error());
    }
    AgentApp app{config, std::move(loop).value(), std::move(passed).value()};
    if (recover_only) {
        app.recover();
        return {};
    }
    return app.serve([&daemon, &config] {
        Result<void> ready = daemon ? daemon->ready() : Result<void>{};
        if (ready && daemon && !config.agent.log_file) {
            log_to_syslog();
        }
        return ready;
    });
}

int serve(config::Config config, bool recover_only)
{
    config::resolve_paths(config);
    // Before any thread exists, so that every thread inherits it.
    system::GlibLoop::block_signals({SIGTERM, SIGINT, SIGHUP});
    ::signal(SIGPIPE, SIG_IGN); // NOLINT: the constant is the C library's
    memory::keep_what_is_freed();
    const Result<void> done = run(config, recover_only);
    if (done) {
        return 0;
    }
    if (config.agent.log_file) { // where the administrator looks
        log::error(done.error().message());
    }
    return complain(done.error());
}

int main_program(int argc, char** argv)
{
    if (argc == 2 && std::string_view{argv[1]} == system::authorized_keys_option) {
        return system::run_authorized_keys_task(); // we are a user's process, started by an agent
    }
    const Result<config::CommandLine> line = config::parse_command_line(argc, argv);
    if (!line) {
        if (line.error().kind() != ErrorKind::not_found) {
            return complain(line.error());
        }
        print(line.error().message() + "\n"); // there, as with qemu-ga
        return 1;
    }
    const config::CalledAs name = config::called_as(argv[0]);
    switch (line->action) {
    case config::Action::help:
        return print(config::usage(argv[0]));
    case config::Action::version:
        return print(version(name));
    case config::Action::list_commands:
        return print(command_names());
    default:
        break;
    }
    Result<config::Config> config = load(*line, name);
    if (!config) {
        return complain(config.error());
    }
    switch (line->action) {
    case config::Action::dump:
        return print(config::dump(*config));
    case config::Action::check:
        config::resolve_paths(*config);
        return check_config(*config);
    default:
        return serve(*config, line->action == config::Action::recover);
    }
}

} // namespace
} // namespace frostline

int main(int argc, char** argv)
{
    return frostline::main_program(argc, argv);
}
