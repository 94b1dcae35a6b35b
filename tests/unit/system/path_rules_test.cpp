// SPDX-License-Identifier: Apache-2.0
#include "system/path_rules.hpp"

#include <gtest/gtest.h>

namespace frostline::system {
namespace {

bool allows(const char* pattern, std::string_view path)
{
    return PathRules{{pattern}}.allow(path);
}

TEST(PathRules, APlainPathIsItself)
{
    EXPECT_TRUE(allows("/usr/bin/id", "/usr/bin/id"));
    EXPECT_FALSE(allows("/usr/bin/id", "/usr/bin/idx"));
    EXPECT_FALSE(allows("/usr/bin/id", "/usr/bin"));
    EXPECT_FALSE(allows("/usr/bin/id", "/usr/bin/id/x"));
    EXPECT_TRUE(allows("/", "/"));
}

TEST(PathRules, AStarStaysWithinItsComponent)
{
    EXPECT_TRUE(allows("/opt/x/*", "/opt/x/tool"));
    EXPECT_TRUE(allows("/opt/x/*", "/opt/x/.hidden"));
    EXPECT_FALSE(allows("/opt/x/*", "/opt/x/y/tool"));
    EXPECT_FALSE(allows("/opt/x/*", "/opt/x"));
    EXPECT_TRUE(allows("/opt/*/bin/t?ol-[0-9]", "/opt/a/bin/tool-7"));
}

TEST(PathRules, TwoStarsGoAcross)
{
    EXPECT_TRUE(allows("/var/log/**", "/var/log/syslog"));
    EXPECT_TRUE(allows("/var/log/**", "/var/log/a/b/c"));
    EXPECT_FALSE(allows("/var/log/**", "/var/log"));
    EXPECT_FALSE(allows("/var/log/**", "/var/logs/a"));
    EXPECT_TRUE(allows("/srv/**/conf/*.ini", "/srv/conf/a.ini"));
    EXPECT_TRUE(allows("/srv/**/conf/*.ini", "/srv/a/conf/b/conf/a.ini"));
    EXPECT_FALSE(allows("/srv/**/conf/*.ini", "/srv/a/conf/b/a.ini"));
    EXPECT_TRUE(allows("/**", "/etc/shadow"));
}

TEST(PathRules, WhatIsNoPathIsNotAllowed)
{
    for (const char* odd : {"", "pipe:[7]", "(unreachable)/etc/x", "etc/x"}) {
        EXPECT_FALSE(allows("/**", odd)) << odd;
        EXPECT_FALSE(allows("**", odd)) << odd;
    }
    EXPECT_FALSE(PathRules{{}}.allow("/etc/x"));
}

TEST(PathRules, ManyStarsTakeNoTime)
{
    std::string pattern;
    std::string path;
    for (int i = 0; i < 200; ++i) {
        pattern += "/**/a";
        path += "/a";
    }
    EXPECT_TRUE(PathRules{{pattern}}.allow(path));
    EXPECT_FALSE(PathRules{{pattern + "/b"}}.allow(path));
}

} // namespace
} // namespace frostline::system
