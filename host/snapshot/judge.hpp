// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/report.hpp"
#include "host/snapshot/level.hpp"

#include <optional>
#include <string>

namespace frostline::host {

/// Everything that bears on what a snapshot is worth, from the host's point of view.
struct Evidence {
    enum class Taken {
        no,        ///< refused, or given up before
        in_window, ///< QEMU said yes while the guest was frozen
        late,      ///< it happened, but nobody can say when
        unknown,
    };

    bool frostline = false;   ///< else a plain qemu-ga, which only counts
    bool freeze_good = false; ///< the freeze answered without an error
    std::int64_t frozen_count = 0;
    std::optional<bool> held_before; ///< our freeze was in force just before the switch
    Taken taken = Taken::no;
    std::optional<bool> held_after; ///< and just after it; nullopt: no answer
    bool thaw_confirmed = false;
    std::optional<std::int64_t> thaw_count;
    std::optional<std::string> thaw_complaint; ///< an error answer to the thaw
    std::optional<FreezeReport> report;        ///< the finished one, of this freeze
};

struct Judgement {
    ExitStatus status = ExitStatus::snapshot_failed;
    Level level = Level::crash;
    bool consistent = false; ///< level is at least what was required
    std::string reason;      ///< why it isn't better; empty at level app
};

/// The level the evidence proves. What can't be proven isn't claimed.
[[nodiscard]] Judgement judge(const Evidence& evidence, Level required);

} // namespace frostline::host
