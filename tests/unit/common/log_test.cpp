// SPDX-License-Identifier: Apache-2.0
#include "common/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace frostline::log {
namespace {

class LogTest : public testing::Test {
protected:
    void SetUp() override
    {
        set_threshold(Level::info);
        set_sink([this](Level, std::string_view line) { lines_.emplace_back(line); });
    }
    void TearDown() override
    {
        set_sink({});
        release();
    }
    std::vector<std::string> lines_;
};

TEST_F(LogTest, JoinsPartsAndDropsWhatIsUnimportant)
{
    warning("thaw failed", "/srv", std::string{"Input/output error"});
    debug("not shown");
    EXPECT_EQ(lines_, std::vector<std::string>{"thaw failed: /srv: Input/output error"});
}

TEST_F(LogTest, HoldsLinesWhileFrozen)
{
    hold();
    info("one");
    info("two");
    EXPECT_TRUE(lines_.empty());
    release();
    EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two"}));
    info("three");
    EXPECT_EQ(lines_.back(), "three");
}

TEST_F(LogTest, CountsWhatTheRingCouldNotHold)
{
    hold();
    for (int i = 0; i < 600; ++i) {
        info(std::to_string(i));
    }
    info(std::string(10'000, 'x'));
    release();
    ASSERT_EQ(lines_.size(), 513U);
    EXPECT_EQ(lines_.front(), "89 log lines dropped while file systems were frozen");
    EXPECT_EQ(lines_.at(1), "89");
    EXPECT_EQ(lines_.back().size(), 2048U);
}

} // namespace
} // namespace frostline::log
