// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace frostline::host {

/// How much a snapshot can be trusted, worst first, so that levels compare.
enum class Level {
    crash, ///< like after pulling the plug
    fs,    ///< file systems held the whole time; applications not, or not provably
    app,   ///< file systems and every active hook held the whole time
};

[[nodiscard]] constexpr std::string_view level_name(Level level)
{
    switch (level) {
    case Level::app:
        return "app";
    case Level::fs:
        return "fs";
    case Level::crash:
        break;
    }
    return "crash";
}

/// What the program returns (contract; see the table in docs/host.md).
enum class ExitStatus {
    consistent = 0,
    usage = 1,
    unreachable = 2,
    freeze_failed = 3,
    snapshot_failed = 4,
    not_consistent = 5,
    thaw_unconfirmed = 6,
};

} // namespace frostline::host
