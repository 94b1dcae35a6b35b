// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.hpp"

#include "config/list_entries.hpp"

#include <array>

#include <getopt.h>

namespace frostline::config {

namespace {

constexpr const char* default_fsfreeze_hook = "/etc/qemu/fsfreeze-hook";
constexpr const char* short_options = "hVvdc:m:p:l:f:F::b:a:s:t:Dr";

enum LongOnly : int {
    hooks_dir = 256,
    check_config,
    recover,
    guard_program,
    distribution_defaults,
};

constexpr std::array<option, 27> long_options{{
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'V'},
    {"verbose", no_argument, nullptr, 'v'},
    {"daemonize", no_argument, nullptr, 'd'},
    {"config", required_argument, nullptr, 'c'},
    {"method", required_argument, nullptr, 'm'},
    {"path", required_argument, nullptr, 'p'},
    {"logfile", required_argument, nullptr, 'l'},
    {"pidfile", required_argument, nullptr, 'f'},
    {"fsfreeze-hook", optional_argument, nullptr, 'F'},
    {"block-rpcs", required_argument, nullptr, 'b'},
    {"allow-rpcs", required_argument, nullptr, 'a'},
    {"service", required_argument, nullptr, 's'},
    {"statedir", required_argument, nullptr, 't'},
    {"dump-conf", no_argument, nullptr, 'D'},
    {"retry-path", no_argument, nullptr, 'r'},
    {"hooks-dir", required_argument, nullptr, hooks_dir},
    {"check-config", no_argument, nullptr, check_config},
    {"recover", no_argument, nullptr, recover},
    {"guard-program", required_argument, nullptr, guard_program},
    {"distribution-defaults", no_argument, nullptr, distribution_defaults},
    // Abbreviations that are unique among qemu-ga's options and would not be among all of these.
    {"c", required_argument, nullptr, 'c'},
    {"h", no_argument, nullptr, 'h'},
    {"r", no_argument, nullptr, 'r'},
    {"re", no_argument, nullptr, 'r'},
    {"s", required_argument, nullptr, 't'},
    {nullptr, 0, nullptr, 0},
}};

void add_list(CommandLine& line, std::vector<std::string>& list, const std::string& value)
{
    if (value == "help" || value == "?") {
        line.action = Action::list_commands;
        return;
    }
    for (std::string& entry : list_entries(value)) {
        list.push_back(std::move(entry));
    }
}

Result<void> take_method(CommandLine& line, const std::string& value)
{
    line.method = find_method(value);
    if (!line.method) {
        return fail(ErrorKind::invalid_argument,
                    "unsupported channel method/type: " + value +
                        " (known: virtio-serial, isa-serial, unix-listen, vsock-listen)");
    }
    return {};
}

bool take_flag(CommandLine& line, int letter)
{
    switch (letter) {
    case 'h':
        line.action = Action::help;
        return true;
    case 'V':
        line.action = Action::version;
        return true;
    case 'D':
        line.action = Action::dump;
        return true;
    case check_config:
        line.action = Action::check;
        return true;
    case recover:
        line.action = Action::recover;
        return true;
    case distribution_defaults:
        line.distribution_defaults = true;
        return true;
    case 'v':
        line.verbose = true;
        return true;
    case 'd':
        line.daemonize = true;
        return true;
    case 'r':
        line.retry_path = true;
        return true;
    case 's': // a Windows service upstream; taken and ignored
        return true;
    default:
        return false;
    }
}

Result<void> take_value(CommandLine& line, int letter, const std::string& value)
{
    switch (letter) {
    case 'm':
        return take_method(line, value);
    case 'c':
        line.config_file = value;
        break;
    case 'p':
        line.path = value;
        break;
    case 'l':
        line.log_file = value;
        break;
    case 'f':
        line.pid_file = value;
        break;
    case 'F':
        line.fsfreeze_hook = value.empty() ? default_fsfreeze_hook : value;
        break;
    case 't':
        line.state_directory = value;
        break;
    case 'b':
        add_list(line, line.block_rpcs, value);
        break;
    case 'a':
        add_list(line, line.allow_rpcs, value);
        break;
    case hooks_dir:
        line.hook_directories.push_back(value);
        break;
    case guard_program:
        line.guard_program = value;
        break;
    default:
        break;
    }
    return {};
}

/// Whether the rest of the command line has no meaning.
bool only_prints(Action action)
{
    return action == Action::help || action == Action::version || action == Action::list_commands;
}

} // namespace

std::string unknown_option(std::string_view program)
{
    return "Unknown option, try '" + std::string{program} + " --help' for more information.";
}

Result<CommandLine> parse_command_line(int argc, char* const* argv)
{
    CommandLine line;
    ::optind = 0; // start afresh; tests parse more than once
    for (;;) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): start-up, one thread
        const int letter = ::getopt_long(argc, argv, short_options, long_options.data(), nullptr);
        if (letter == -1) {
            return line;
        }
        if (letter == '?') {
            return fail(ErrorKind::not_found, unknown_option(argv[0]));
        }
        if (!take_flag(line, letter)) {
            const std::string value = ::optarg == nullptr ? std::string{} : std::string{::optarg};
            if (Result<void> taken = take_value(line, letter, value); !taken) {
                return fail(std::move(taken).error());
            }
        }
        if (only_prints(line.action)) {
            return line;
        }
    }
}

std::string usage(std::string_view program)
{
    std::string out = "Usage: ";
    out.append(program);
    out += R"( [-m METHOD -p PATH] [OPTION...]
The Frostline guest agent. It speaks the QEMU guest agent's protocol and takes its options.

  -m, --method=METHOD      virtio-serial (default), isa-serial, unix-listen, vsock-listen
  -p, --path=PATH          device, socket or CID:PORT; by default for virtio-serial
                           /dev/virtio-ports/org.qemu.guest_agent.0, for isa-serial
                           /dev/ttyS0
  -l, --logfile=PATH       log there instead of to standard error
  -f, --pidfile=PATH       with -d; default /var/run/qemu-ga.pid
  -F, --fsfreeze-hook[=PATH]
                           also run this script on freeze and thaw; without PATH
                           /etc/qemu/fsfreeze-hook. PATH must be attached: -F/x
  -t, --statedir=DIR       what lives for one run; default /run/frostline, for a link
                           named qemu-ga /var/run
  -v, --verbose            log debug lines, too
  -d, --daemonize          go into the background once ready
  -r, --retry-path         go on trying when the channel cannot be opened
  -b, --block-rpcs=LIST    commands to refuse, separated by commas; "help" lists them
  -a, --allow-rpcs=LIST    the only commands to allow
  -c, --config=PATH        read this configuration file and no other
  -D, --dump-conf          print the configuration in qemu-ga's form and exit
      --check-config       say whether configuration and hook files are right and exit
      --hooks-dir=DIR      take hooks from here instead of the standard directories;
                           may be repeated, later ones win
      --guard-program=PATH the freeze guard; default /usr/lib/frostline/frostline-guard
      --recover            thaw what an agent that died left frozen, and exit
      --distribution-defaults
                           take DAEMON_ARGS, TRANSPORT and the like from the environment,
                           for the service
  -s, --service=CMD        ignored
  -V, --version            print the version and exit
  -h, --help               print this and exit

Configuration: /usr/lib/frostline/agent.conf, /etc/frostline/agent.conf,
/etc/frostline/agent.conf.d/*.conf; without any of them /etc/qemu/qemu-ga.conf.
See frostline-agent(8).
)";
    return out;
}

void apply(const CommandLine& line, Config& config)
{
    const auto put = [](auto& target, const auto& value) {
        if (value) {
            target = *value;
        }
    };
    put(config.agent.method, line.method);
    put(config.agent.path, line.path);
    put(config.agent.pid_file, line.pid_file);
    if (line.state_directory) {
        set_state_directory(config.agent, *line.state_directory);
    }
    put(config.freeze.guard_program, line.guard_program);
    if (line.log_file) {
        config.agent.log_file = line.log_file;
    }
    if (line.fsfreeze_hook) {
        config.hooks.compatible_script = line.fsfreeze_hook;
    }
    if (!line.hook_directories.empty()) {
        config.hooks.directories = line.hook_directories;
    }
    config.agent.verbose = config.agent.verbose || line.verbose;
    config.agent.daemonize = config.agent.daemonize || line.daemonize;
    config.agent.retry_path = config.agent.retry_path || line.retry_path;
    PolicySettings& policy = config.policy;
    policy.block_rpcs.insert(policy.block_rpcs.end(), line.block_rpcs.begin(),
                             line.block_rpcs.end());
    policy.only.insert(policy.only.end(), line.allow_rpcs.begin(), line.allow_rpcs.end());
}

} // namespace frostline::config
