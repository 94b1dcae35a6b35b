// SPDX-License-Identifier: Apache-2.0
#include "ctl/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace frostline::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string complaint(const std::vector<std::string>& arguments)
{
    const Result<Options> options = parse_options(arguments);
    return options ? "accepted" : options.error().message();
}

TEST(CtlOptions, EachVerbIsKnownAndSaysItsName)
{
    for (const char* const verb : {"status", "hooks", "check", "rehearse", "thaw"}) {
        const Result<Options> options = parse_options({verb});
        ASSERT_TRUE(options) << verb;
        EXPECT_EQ(verb_name(options->verb), verb);
    }
    EXPECT_EQ(parse_options({"new-hook", "db"})->name, "db");
    EXPECT_EQ(parse_options({"test-hook", "/x/50-db.hook"})->name, "/x/50-db.hook");
}

TEST(CtlOptions, OptionsComeBeforeOrAfterTheVerbAndInBothForms)
{
    const Result<Options> options =
        parse_options({"--json", "-t", "/run/x", "rehearse", "--mountpoint=/a", "--mountpoint",
                       "/b", "--deadline", "500ms", "--socket=/s"});
    ASSERT_TRUE(options) << options.error().message();
    EXPECT_TRUE(options->json);
    EXPECT_EQ(options->run_directory, "/run/x");
    EXPECT_EQ(options->socket, "/s");
    EXPECT_THAT(options->mount_points, ElementsAre("/a", "/b"));
    EXPECT_EQ(options->deadline, std::chrono::milliseconds{500});
}

TEST(CtlOptions, HelpAndVersionWinOverEverything)
{
    EXPECT_EQ(parse_options({"--version", "--nonsense"})->verb, Verb::version);
    EXPECT_EQ(parse_options({"check", "-h"})->verb, Verb::help);
}

TEST(CtlOptions, WhatIsWrongIsNamed)
{
    EXPECT_THAT(complaint({}), HasSubstr("say what to do"));
    EXPECT_THAT(complaint({"freeze"}), HasSubstr("no verb 'freeze'"));
    EXPECT_THAT(complaint({"check", "--frozen"}), HasSubstr("no option '--frozen'"));
    EXPECT_THAT(complaint({"check", "now"}), HasSubstr("'now' is one word too many"));
    EXPECT_THAT(complaint({"new-hook"}), HasSubstr("needs the name of a hook"));
    EXPECT_THAT(complaint({"status", "--socket"}), HasSubstr("--socket needs a value"));
    EXPECT_THAT(complaint({"status", "--json=yes"}), HasSubstr("takes no value"));
    EXPECT_THAT(complaint({"rehearse", "--mountpoint", "data"}), HasSubstr("no absolute path"));
    EXPECT_THAT(complaint({"rehearse", "--deadline", "0"}), HasSubstr("zero makes no sense"));
    EXPECT_THAT(complaint({"rehearse", "--deadline", "soon"}), HasSubstr("--deadline: "));
}

TEST(CtlOptions, AnOptionThatMeansNothingToTheVerbIsRefused)
{
    EXPECT_EQ(complaint({"status", "--check"}), "--check means nothing to status");
    EXPECT_EQ(complaint({"--image", "/x", "rehearse"}), "--image means nothing to rehearse");
    EXPECT_EQ(complaint({"thaw", "--deadline", "1s"}), "--deadline means nothing to thaw");
}

TEST(CtlOptions, HelpFitsAScreen)
{
    const std::string_view text = help_text();
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 24);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        EXPECT_LE(end - at, 80U) << text.substr(at, end - at);
        at = end + 1;
    }
}

} // namespace
} // namespace frostline::ctl
