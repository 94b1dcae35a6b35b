// SPDX-License-Identifier: Apache-2.0
#include "common/json/parse.hpp"
#include "common/xml.hpp"
#include "host/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::host {
namespace {

using testing::HasSubstr;

GuestOutcome guest(const std::string& name, const std::string& started, const std::string& hook)
{
    GuestOutcome one{name, {}, false};
    one.outcome.details.set("report", json::parse(R"({"started": ")" + started +
                                                  R"(", "phases": [{"name": "frozen",
            "start-us": 1000, "duration-us": 50000}], "hooks": [{"name": "60-a<b>", "phase": "hold",
            "result": ")" + hook + R"(", "start-us": 0, "duration-us": 500}], "filesystems":
            [{"mountpoint": "/", "result": "frozen", "start-us": 600, "duration-us": 300}]})")
                                          .value());
    return one;
}

TEST(Timeline, AllGuestsAreOnOneAxis)
{
    const std::string svg = draw_timeline({guest("web", "2026-01-01T00:00:00.000000Z", "done"),
                                           guest("db", "2026-01-01T00:00:00.010000Z", "failed"),
                                           {"none", {}, false}});
    const Result<xml::Element> drawn = xml::parse(svg);
    ASSERT_TRUE(drawn) << drawn.error().message();
    EXPECT_EQ(drawn->name, "svg");
    std::vector<const xml::Element*> bars;
    for (const xml::Element& element : drawn->children) {
        if (element.name == "rect" && element.child("title") != nullptr) {
            bars.push_back(&element);
        }
    }
    ASSERT_EQ(bars.size(), 6U);
    // 61 ms on 900 points; the second guest begins 10 ms later.
    EXPECT_EQ(bars[0]->attribute("x"), "284");
    EXPECT_EQ(bars[3]->attribute("x"), "432");
    EXPECT_EQ(bars[0]->attribute("width"), "737");
    EXPECT_EQ(bars[1]->child("title")->text, "60-a<b> hold: 500us, done");
    EXPECT_NE(bars[1]->attribute("fill"), bars[4]->attribute("fill"));
}

TEST(Timeline, WithoutAReportThereIsNone)
{
    EXPECT_EQ(draw_timeline({{"web", {}, false}}), "");
    EXPECT_EQ(draw_timeline({guest("web", "yesterday", "done")}), "");
}

} // namespace
} // namespace frostline::host
