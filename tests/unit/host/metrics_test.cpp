// SPDX-License-Identifier: Apache-2.0
#include "host/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace frostline::host {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, OneGaugeForEachGuest)
{
    GuestOutcome good{"web \"1\"\\", {}, false};
    good.outcome.details.set("consistent", true);
    good.outcome.details.set("thaw-confirmed", true);
    good.outcome.details.set("frozen-us", std::int64_t{25'500});
    GuestOutcome bad{"db", failed(ExitStatus::unreachable, "gone"), false};
    const std::string text = format_metrics({good, bad}, 1'700'000'000);
    EXPECT_THAT(text,
                HasSubstr("# TYPE frostline_snapshot_exit_status gauge\n"
                          "frostline_snapshot_exit_status{guest=\"web \\\"1\\\"\\\\\"} 0.000000\n"
                          "frostline_snapshot_exit_status{guest=\"db\"} 2.000000\n"));
    EXPECT_THAT(text, HasSubstr("frostline_snapshot_consistent{guest=\"db\"} 0.000000\n"));
    EXPECT_THAT(text, HasSubstr("frostline_snapshot_frozen_seconds{guest=\"web \\\"1\\\"\\\\\"} "
                                "0.025500\n"));
    EXPECT_THAT(text, Not(HasSubstr("frozen_seconds{guest=\"db\"}")));
    EXPECT_THAT(text, Not(HasSubstr("thaw_confirmed{guest=\"db\"}")));
    EXPECT_THAT(text, HasSubstr("finished_timestamp_seconds{guest=\"db\"} 1700000000.000000\n"));
}

} // namespace
} // namespace frostline::host
