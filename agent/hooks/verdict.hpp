// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hooks/hook_call.hpp"
#include "hooks/quiescer.hpp"

#include <chrono>
#include <optional>
#include <string>

/// What the end of a hook's program means (contracts, section 3).
namespace frostline::hooks {

inline constexpr int exit_busy = 75;
inline constexpr int exit_skipped = 77;

/// done, busy, skipped, failed or timed_out.
[[nodiscard]] HookResult classify(const CallEnd& end);

/// For people: "exit status 3: no such database", "did not end within 10s and was killed". Names
/// the last line of standard error, and the lines before it where there are some.
[[nodiscard]] std::string explain(const CallEnd& end, std::chrono::milliseconds limit);

/// The last line on standard error, printable; RETRY-AFTER lines don't count.
[[nodiscard]] std::string reason(const system::CapturedOutput& err);

/// SECONDS of the last "RETRY-AFTER=SECONDS" line on either stream; from 1 s to a day.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(const system::ChildResult& result);

/// What the report keeps of a stream: at most 64 KiB of well-formed UTF-8. Of more, the middle is
/// left out, with a note that says how much.
[[nodiscard]] std::string kept_text(const system::CapturedOutput& output);

} // namespace frostline::hooks
