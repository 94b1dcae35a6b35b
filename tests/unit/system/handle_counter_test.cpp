// SPDX-License-Identifier: Apache-2.0
#include "system/handle_counter.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

namespace frostline::system {
namespace {

class Counter : public testing::Test {
protected:
    std::int64_t first_number()
    {
        HandleCounter counter{folder_ / "qga.state", [] { return std::int64_t{7'000'000}; }};
        const std::int64_t first = counter.next();
        EXPECT_EQ(counter.next(), first + 1);
        return first;
    }
    test::TempFolder folder_;
};

TEST_F(Counter, GoesOnWhereTheFileSays)
{
    EXPECT_EQ(first_number(), 1000);
    EXPECT_EQ(first_number(), 1002);
    folder_.write("qga.state", "[global]\nfd_counter=99999\n");
    EXPECT_EQ(first_number(), 99999);
    folder_.write("qga.state", "[global]\nother=1\n");
    EXPECT_EQ(first_number(), 1000);
    folder_.write("qga.state", "[global]\nfd_counter=3\n");
    EXPECT_EQ(first_number(), 1000);
    // What an older, longer text leaves behind a shorter one is cut off.
    folder_.write("qga.state", "[global]\nfd_counter=1000\n# and a remark\n");
    first_number();
    EXPECT_EQ(folder_.read("qga.state"), "[global]\nfd_counter=1002\n");
}

TEST_F(Counter, ADamagedFileIsNoReasonToStop)
{
    for (const char* text : {"[global]\nfd_counter=-4\n", "[global]\nfd_counter=many\n", "\x01\xff",
                             "fd_counter=1\n", "[global]\nfd_counter=9223372036854775807\n"}) {
        folder_.write("qga.state", text);
        EXPECT_EQ(first_number(), 7'000'000) << text;
        EXPECT_EQ(folder_.read("qga.state"), "[global]\nfd_counter=7000002\n");
    }
}

TEST_F(Counter, WhereNothingCanBeWrittenTheTimeCounts)
{
    folder_.folder("qga.state");
    EXPECT_EQ(first_number(), 7'000'000);
    HandleCounter nowhere{folder_ / "none/qga.state", [] { return std::int64_t{7'000'000}; }};
    EXPECT_EQ(nowhere.next(), 7'000'000);
}

} // namespace
} // namespace frostline::system
