// SPDX-License-Identifier: Apache-2.0
#include "agent_app.hpp"
#include "check_config.hpp"
#include "common/log.hpp"
#include "config/command_line.hpp"
#include "config/config_files.hpp"
#include "daemon.hpp"
#include "log_output.hpp"
#include "memory.hpp"
#include "qapi/commands.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <linux/magic.h>
#include <malloc.h>
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
    std::fprintf(stderr, "frostline-agent: %s\n", error.message().c_str());
    return 1;
}

std::string command_names()
{
    std::string names;
    for (const qapi::CommandInfo& command : qapi::command_table) {
        names.append(command.name).append("\n");
    }
    return names;
}

Result<config::Config> load(const config::CommandLine& line)
{
    config::Places places;
    places.only = line.config_file;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): start-up, one thread
    if (const char* variable = std::getenv("QGA_CONF"); variable != nullptr) {
        places.qga_conf = variable;
    }
    Result<config::Config> config = config::load_files(places);
    if (config) {
        config::apply(line, *config);
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
    AgentApp app{config, std::move(loop).value()};
    if (recover_only) {
        app.recover();
        return {};
    }
    return app.serve([&daemon] { return daemon ? daemon->ready() : Result<void>{}; });
}

int serve(config::Config config, bool recover_only)
{
    config::resolve_paths(config);
    // Before any thread exists, so that every thread inherits it.
    system::GlibLoop::block_signals({SIGTERM, SIGINT, SIGHUP});
    ::signal(SIGPIPE, SIG_IGN); // NOLINT: the constant is the C library's
    // What a long message took goes back to the system at once. By default malloc would learn from
    // the first one to keep such blocks.
    ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
    const Result<void> done = run(config, recover_only);
    return done ? 0 : complain(done.error());
}

int main_program(int argc, char** argv)
{
    const Result<config::CommandLine> line = config::parse_command_line(argc, argv);
    if (!line) {
        print(line.error().message() + "\n");
        return 1;
    }
    switch (line->action) {
    case config::Action::help:
        return print(config::usage(argv[0]));
    case config::Action::version:
        return print("Frostline guest agent " FROSTLINE_VERSION
                     " (speaks the QEMU Guest Agent protocol)\n");
    case config::Action::list_commands:
        return print(command_names());
    default:
        break;
    }
    Result<config::Config> config = load(*line);
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
