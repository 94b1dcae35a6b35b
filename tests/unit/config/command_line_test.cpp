// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<CommandLine> parse(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "frostline-agent");
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    return parse_command_line(static_cast<int>(arguments.size()), argv.data());
}

Config configured(std::vector<std::string> arguments)
{
    const Result<CommandLine> line = parse(std::move(arguments));
    EXPECT_TRUE(line);
    Config config;
    apply(*line, config);
    return config;
}

TEST(CommandLine, TakesEveryOptionOfQemuGa)
{
    const Config config =
        configured({"-m", "unix-listen", "-p", "/tmp/x", "-l", "/tmp/log", "-f", "/tmp/pid",
                    "-F/hook", "-t", "/tmp/state", "-v", "-d", "-r", "-s", "install"});
    EXPECT_EQ(config.agent.method, Method::unix_listen);
    EXPECT_EQ(config.agent.path, "/tmp/x");
    EXPECT_EQ(config.agent.log_file, "/tmp/log");
    EXPECT_EQ(config.agent.pid_file, "/tmp/pid");
    EXPECT_EQ(config.hooks.compatible_script, "/hook");
    EXPECT_EQ(config.agent.run_directory, "/tmp/state");
    EXPECT_TRUE(config.agent.verbose && config.agent.daemonize && config.agent.retry_path);
}

TEST(CommandLine, FsfreezeHookTakesItsPathOnlyAttached)
{
    EXPECT_EQ(configured({"-F"}).hooks.compatible_script, "/etc/qemu/fsfreeze-hook");
    EXPECT_EQ(configured({"-F", "/x"}).hooks.compatible_script, "/etc/qemu/fsfreeze-hook");
    EXPECT_EQ(configured({"--fsfreeze-hook=/x"}).hooks.compatible_script, "/x");
    EXPECT_EQ(configured({}).hooks.compatible_script, std::nullopt);
}

TEST(CommandLine, AbbreviationsAndStrayArgumentsAreTaken)
{
    EXPECT_EQ(configured({"stray", "--meth=unix-listen"}).agent.method, Method::unix_listen);
}

/// qemu-ga's long options on Linux; '=' marks those that need an argument.
const std::vector<std::string> upstream_options{
    "help",          "version",     "dump-conf",   "logfile=",  "pidfile=",
    "fsfreeze-hook", "verbose",     "method=",     "path=",     "daemonize",
    "config=",       "block-rpcs=", "allow-rpcs=", "statedir=", "retry-path",
};

/// What a command line comes to, in a form that can be compared.
std::string effect(const std::string& word)
{
    const Result<CommandLine> line = parse({word});
    if (!line) {
        return line.error().message();
    }
    Config config;
    apply(*line, config);
    return dump(config) + std::to_string(static_cast<int>(line->action)) +
           line->config_file.value_or("");
}

TEST(CommandLine, OurOwnOptionsTakeNoAbbreviationFromQemuGas)
{
    for (const std::string& name : upstream_options) {
        const bool has_argument = name.back() == '=';
        const std::string full = name.substr(0, name.size() - (has_argument ? 1 : 0));
        const std::string argument = !has_argument ? "" : full == "method" ? "=unix-listen" : "=/x";
        for (std::size_t length = 1; length < full.size(); ++length) {
            const std::string prefix = full.substr(0, length);
            const auto matches = std::count_if(
                upstream_options.begin(), upstream_options.end(),
                [&](const std::string& other) { return other.rfind(prefix, 0) == 0; });
            if (matches == 1) {
                EXPECT_EQ(effect("--" + prefix + argument), effect("--" + full + argument))
                    << prefix;
            }
        }
    }
}

TEST(CommandLine, WhatOnlyPrintsEndsTheReading)
{
    EXPECT_EQ(parse({"-V", "--nonsense"})->action, Action::version);
    EXPECT_EQ(parse({"-h", "-V"})->action, Action::help);
    EXPECT_EQ(parse({"-D", "-v"})->action, Action::dump);
    EXPECT_TRUE(parse({"-D", "-v"})->verbose);
}

TEST(CommandLine, ListsAddUpAndAnEmptyOneIsNone)
{
    const Config config = configured({"-b", "a,b", "--block-rpcs=c", "-a", ""});
    EXPECT_THAT(config.policy.block_rpcs, ElementsAre("a", "b", "c"));
    EXPECT_TRUE(config.policy.only.empty());
}

TEST(CommandLine, HelpAsAListListsTheCommands)
{
    EXPECT_EQ(parse({"-b", "help"})->action, Action::list_commands);
    EXPECT_EQ(parse({"-a", "?"})->action, Action::list_commands);
}

TEST(CommandLine, HookDirectoriesReplaceTheStandardOnes)
{
    const Config config = configured({"--hooks-dir", "/a", "--hooks-dir=/b"});
    EXPECT_THAT(config.hooks.directories, ElementsAre("/a", "/b"));
    EXPECT_EQ(configured({}).hooks.directories.size(), 3U);
}

TEST(CommandLine, WrongOnesSayWhatIsRight)
{
    testing::internal::CaptureStderr();
    const Result<CommandLine> unknown = parse({"--nonsense"});
    testing::internal::GetCapturedStderr();
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().message(),
              "Unknown option, try 'frostline-agent --help' for more information.");
    const Result<CommandLine> method = parse({"-m", "pigeon"});
    ASSERT_FALSE(method);
    EXPECT_THAT(method.error().message(), HasSubstr("unsupported channel method/type: pigeon"));
}

TEST(Dump, IsAQemuGaKeyFileInItsOrder)
{
    Config config = configured({"-p", "/dev/x", "-b", "a;b,c", "-v"});
    EXPECT_EQ(dump(config), "[general]\n"
                            "daemon=false\n"
                            "method=virtio-serial\n"
                            "path=/dev/x\n"
                            "pidfile=/var/run/qemu-ga.pid\n"
                            "statedir=/run/frostline\n"
                            "verbose=true\n"
                            "retry-path=false\n"
                            "block-rpcs=a;b,c\n"
                            "allow-rpcs=\n");
}

TEST(Dump, WritesValuesAsGLibDoes)
{
    Config config = configured({"-p", " \t a\\b\nc\t"});
    EXPECT_THAT(dump(config), HasSubstr("path=\\s\\t\\sa\\\\b\\nc\t\n"));
}

TEST(CalledAs, ALinkNamedQemuGaHasItsDefaults)
{
    EXPECT_EQ(called_as("/usr/sbin/qemu-ga"), CalledAs::qemu_ga);
    EXPECT_EQ(called_as("qemu-ga"), CalledAs::qemu_ga);
    EXPECT_EQ(called_as("/qemu-ga/frostline-agent"), CalledAs::frostline_agent);
    const Config config = default_config(CalledAs::qemu_ga);
    EXPECT_THAT(dump(config), HasSubstr("statedir=/var/run\n"));
    EXPECT_EQ(config.agent.run_directory, "/run/frostline");
    EXPECT_EQ(default_config(CalledAs::frostline_agent).agent.state_directory, "/run/frostline");
}

TEST(StateDirectory, MovesEverythingButFromQemuGasOwnPlace)
{
    EXPECT_EQ(configured({"-t", "/tmp/a"}).agent.run_directory, "/tmp/a");
    EXPECT_EQ(configured({"-t", "/tmp/a"}).agent.state_directory, "/tmp/a");
    for (const char* const path : {"/var/run", "/var/run/", "/run"}) {
        EXPECT_EQ(configured({"-t", path}).agent.state_directory, path);
        EXPECT_EQ(configured({"-t", path}).agent.run_directory, "/run/frostline");
    }
}

TEST(ResolvePaths, HandsTheRunDirectoryOn)
{
    Config config = configured({"-t", "/tmp/run"});
    resolve_paths(config);
    EXPECT_EQ(config.freeze.run_directory, "/tmp/run");
    EXPECT_EQ(config.hooks.run_directory, "/tmp/run");
    config.agent.run_directory = "relative";
    resolve_paths(config);
    EXPECT_EQ(config.freeze.run_directory.front(), '/');
}

} // namespace
} // namespace frostline::config
