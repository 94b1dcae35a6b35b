// SPDX-License-Identifier: Apache-2.0
#include "host/cli/options.hpp"

#include "common/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace frostline::host {
namespace {

Result<Options> parse(const std::string& line)
{
    return parse_options(text::split(line, ' '));
}

TEST(Options, OptionsMayStandBeforeAndAfterTheVerb)
{
    const Options options =
        parse("--socket /a --qmp=/q snapshot --overlay --name n1 --deadline 2s --json web "
              "--require fs --timeout 500ms --overlay-dir /o/ --lease-dir=/l")
            .value();
    EXPECT_EQ(options.verb, Verb::snapshot);
    EXPECT_EQ(options.socket, "/a");
    EXPECT_EQ(options.qmp, "/q");
    EXPECT_EQ(options.guest, "web");
    EXPECT_EQ(options.name, "n1");
    EXPECT_EQ(options.deadline, std::chrono::seconds{2});
    EXPECT_EQ(options.timeout, std::chrono::milliseconds{500});
    EXPECT_EQ(options.require, Level::fs);
    EXPECT_EQ(options.overlay_directory, "/o");
    EXPECT_EQ(options.lease_directory, "/l");
    EXPECT_TRUE(options.json);
    EXPECT_TRUE(options.overlay);
}

TEST(Options, WithASocketTheGuestIsALabel)
{
    EXPECT_EQ(parse("--socket /a ping")->guest, "/a");
    EXPECT_EQ(parse("--socket /a ping web")->guest, "web");
}

TEST(Options, ALibvirtDomainNeedsNoUri)
{
    EXPECT_EQ(parse("ping web")->guest, "web");
    EXPECT_EQ(parse("--connect qemu:///system ping web")->connect, "qemu:///system");
}

TEST(Options, DefaultsAreTheContracts)
{
    const Options options = parse("--socket /a --qmp /q snapshot --overlay").value();
    EXPECT_EQ(options.require, Level::app);
    EXPECT_EQ(options.lease_directory, "/run/lock/frostline");
    EXPECT_TRUE(options.name.empty());
    EXPECT_FALSE(options.deadline);
    EXPECT_FALSE(options.timeout);
}

TEST(Options, HelpAndVersionWinOverEverythingBehindThem)
{
    EXPECT_EQ(parse("--help --nonsense")->verb, Verb::help);
    EXPECT_EQ(parse("snapshot -h")->verb, Verb::help);
    EXPECT_EQ(parse("--version")->verb, Verb::version);
}

TEST(Options, WhatIsWrongIsSaidWithAHint)
{
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"", "no verb"},
        {"frobnicate web", "unknown verb 'frobnicate'"},
        {"shell web", "this frostline has ping, info, status, hooks, freeze, thaw, snapshot"},
        {"verify", "verify takes one snapshot"},
        {"verify a b", "verify takes one snapshot"},
        {"recover web", "recover takes no guest"},
        {"--socket /a recover", "recover takes no guest"},
        {"exec web", "Write the program after"},
        {"--frob ping web", "unknown option '--frob'"},
        {"ping", "which guest?"},
        {"ping a b", "one guest at a time"},
        {"--socket /a --connect x ping", "exclude each other"},
        {"--qmp /q ping web", "--qmp goes with --socket"},
        {"--socket", "needs a value"},
        {"--json=yes --socket /a ping", "takes no value"},
        {"--socket /a --timeout soon ping", "--timeout: 'soon' is no duration"},
        {"--socket /a --timeout 0 ping", "zero makes no sense"},
        {"--socket /a ping --name x", "--name does not go with ping"},
        {"--socket /a thaw --deadline 3s", "--deadline does not go with thaw"},
        {"--socket /a freeze --check", "--check does not go with freeze"},
        {"--socket /a snapshot --overlay", "--qmp PATH"},
        {"snapshot web", "how? Say --overlay"},
        {"snapshot web --", "how? Say --overlay"},
        {"snapshot web --overlay -- true", "exclude each other"},
        {"snapshot web --commit", "say which snapshot, by --name"},
        {"--socket /a snapshot --commit --name x", "--qmp PATH"},
        {"--socket /a snapshot web db -- true", "a group needs libvirt's guests"},
        {"snapshot web db web --overlay", "'web' is named twice"},
        {"snapshot web --overlay --on-error panic", "neither abort"},
        {"--socket /a --qmp /q snapshot", "--overlay"},
        {"--socket /a --qmp /q snapshot --mirror /b", "unknown option '--mirror'"},
        {"snapshot web --copy /a --backup /b", "exclude each other"},
        {"--socket /a snapshot --backup /b", "--qmp PATH"},
        {"snapshot web --overlay --incremental", "--incremental goes with --backup"},
        {"snapshot web --overlay --backup /b", "exclude each other"},
        {"--socket /a --qmp /q snapshot --overlay --require most", "write app, fs or crash"},
        {"--socket /a --qmp /q snapshot --overlay --name ../x", "is no name"},
        {"--socket /a --qmp /q snapshot --overlay --name .x", "is no name"},
        {"--socket /a --qmp /q snapshot --overlay --name=", "is no name"},
    };
    for (const auto& [line, hint] : wrong) {
        const Result<Options> options = parse(line);
        ASSERT_FALSE(options) << line;
        EXPECT_EQ(options.error().kind(), ErrorKind::invalid_argument) << line;
        EXPECT_NE(options.error().message().find(hint), std::string::npos)
            << line << ": " << options.error().message();
    }
}

TEST(Options, ACommandTakesTheRestOfTheLine)
{
    const Result<Options> options = parse("snapshot web db --require fs -- lvcreate -s --name x");
    ASSERT_TRUE(options) << options.error().message();
    EXPECT_EQ(options->guests, (std::vector<std::string>{"web", "db"}));
    EXPECT_EQ(options->command, (std::vector<std::string>{"lvcreate", "-s", "--name", "x"}));
    EXPECT_TRUE(options->name.empty());
    EXPECT_FALSE(options->skip_failed);
    EXPECT_TRUE(parse("snapshot web --on-error=skip --overlay")->skip_failed);
}

TEST(Options, HelpFitsAScreen)
{
    EXPECT_LE(std::count(help_text().begin(), help_text().end(), '\n'), 24);
    for (const std::string& line : text::split(help_text(), '\n')) {
        EXPECT_LE(line.size(), 80U) << line;
    }
}

TEST(Options, HelpNamesEveryVerb)
{
    for (const Verb verb : {Verb::ping, Verb::info, Verb::status, Verb::hooks, Verb::freeze,
                            Verb::thaw, Verb::snapshot, Verb::exec, Verb::recover, Verb::verify}) {
        EXPECT_NE(help_text().find(verb_name(verb)), std::string_view::npos) << verb_name(verb);
    }
}

} // namespace
} // namespace frostline::host
