// SPDX-License-Identifier: Apache-2.0
#include "config/distribution.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Environment = std::map<std::string, std::string>;

Result<DistributionDefaults> read(const Environment& environment)
{
    return distribution_defaults([&](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
    });
}

Config configured(const Environment& environment)
{
    Config config;
    const Result<DistributionDefaults> defaults = read(environment);
    EXPECT_TRUE(defaults) << defaults.error().message();
    if (defaults) {
        for (const CommandLine& line : defaults->lines) {
            apply(line, config);
        }
    }
    return config;
}

std::string complaint(const Environment& environment)
{
    testing::internal::CaptureStderr(); // of getopt's
    const Result<DistributionDefaults> defaults = read(environment);
    testing::internal::GetCapturedStderr();
    return defaults ? "no complaint" : defaults.error().message();
}

TEST(Distribution, NothingSetChangesNothing)
{
    EXPECT_THAT(read({})->lines, IsEmpty());
    EXPECT_THAT(read({{"BLACKLIST_RPC", ""}, {"DAEMON_ARGS", "  "}})->lines, IsEmpty());
}

TEST(Distribution, DebiansArgumentsAndTransport)
{
    const Config config = configured(
        {{"DAEMON_ARGS", "-v --logfile='/var/log/my agent.log' -m isa-serial -F/etc/qemu/hook"},
         {"TRANSPORT", "virtio-serial:/dev/virtio-ports/a:b"}});
    EXPECT_TRUE(config.agent.verbose);
    EXPECT_EQ(config.agent.log_file, "/var/log/my agent.log");
    EXPECT_EQ(config.hooks.compatible_script, "/etc/qemu/hook");
    // The SysV script puts the transport last.
    EXPECT_EQ(config.agent.method, Method::virtio_serial);
    EXPECT_EQ(config.agent.path, "/dev/virtio-ports/a:b");
}

TEST(Distribution, EachGenerationOfRedHatsFilter)
{
    EXPECT_THAT(configured({{"BLACKLIST_RPC", "guest-exec,guest-file-open"}}).policy.block_rpcs,
                ElementsAre("guest-exec", "guest-file-open"));
    EXPECT_THAT(configured({{"BLOCK_RPCS", "guest-exec"}}).policy.block_rpcs,
                ElementsAre("guest-exec"));
    EXPECT_THAT(configured({{"FILTER_RPC_ARGS", "--allow-rpcs=guest-ping,guest-sync"}}).policy.only,
                ElementsAre("guest-ping", "guest-sync"));
    EXPECT_THAT(configured({{"FILTER_RPC_ARGS", "--block-rpcs=guest-exec"}}).policy.block_rpcs,
                ElementsAre("guest-exec"));
}

TEST(Distribution, TheOldNameOfTheOptionIsUnderstood)
{
    for (const char* const variable : {"FILTER_RPC_ARGS", "BLACKLIST_RPC", "DAEMON_ARGS"}) {
        EXPECT_THAT(configured({{variable, "--blacklist=a,b"}}).policy.block_rpcs,
                    ElementsAre("a", "b"));
        EXPECT_THAT(configured({{variable, "--blacklist a"}}).policy.block_rpcs, ElementsAre("a"));
        EXPECT_THAT(configured({{variable, "-b a"}}).policy.block_rpcs, ElementsAre("a"));
    }
}

TEST(Distribution, AHookThatIsNotThereIsNoted)
{
    EXPECT_EQ(configured({{"FSFREEZE_HOOK_PATHNAME", "/bin/sh"}}).hooks.compatible_script,
              "/bin/sh");
    const auto defaults = read({{"FSFREEZE_HOOK_PATHNAME", "/nowhere/fsfreeze-hook"}});
    EXPECT_THAT(defaults->lines, IsEmpty());
    EXPECT_THAT(defaults->notes,
                ElementsAre("FSFREEZE_HOOK_PATHNAME: /nowhere/fsfreeze-hook does not exist, so no "
                            "such hook is run"));
}

TEST(Distribution, WhatIsWrongNamesTheVariable)
{
    EXPECT_THAT(complaint({{"DAEMON_ARGS", "-F'/x"}}), HasSubstr("DAEMON_ARGS in the environment"));
    EXPECT_THAT(complaint({{"DAEMON_ARGS", "--nonsense"}}),
                HasSubstr("DAEMON_ARGS in the environment: an option that does not exist"));
    EXPECT_THAT(complaint({{"FILTER_RPC_ARGS", "-b help"}}),
                HasSubstr("FILTER_RPC_ARGS in the environment: an option that does not serve"));
    EXPECT_THAT(complaint({{"TRANSPORT", "virtio-serial"}}),
                HasSubstr("TRANSPORT in the environment: 'virtio-serial' is not of the form "
                          "METHOD:PATH"));
    EXPECT_THAT(complaint({{"TRANSPORT", "pigeon:/x"}}),
                HasSubstr("unsupported channel method/type: pigeon"));
}

} // namespace
} // namespace frostline::config
