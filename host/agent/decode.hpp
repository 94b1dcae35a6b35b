// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "host/agent/report.hpp"

#include <vector>

/// From what an agent answered, through the protocol's generated types, to what the tool works
/// with. A member that is missing or of the wrong type is a protocol error naming it; unknown ones
/// are left alone, and unknown words of an enum are "unrecognized". Text is made safe to print;
/// documents stay as they came.
namespace frostline::host {

[[nodiscard]] Result<AgentIdentity> decode_identity(const json::Value& value);
[[nodiscard]] Result<FreezeReport> decode_report(const json::Value& value);
[[nodiscard]] Result<GuestState> decode_status(const json::Value& value);
[[nodiscard]] Result<GuestState> decode_plain_status(const json::Value& value);
[[nodiscard]] Result<std::vector<HookEntry>> decode_hooks(const json::Value& value);
[[nodiscard]] Result<std::int64_t> decode_count(const json::Value& value);

/// File systems of a report that were held: frozen, or written back where freezing is impossible.
[[nodiscard]] std::int64_t held_filesystems(const FreezeReport& report);

[[nodiscard]] Result<std::int64_t> decode_exec(const json::Value& value);
[[nodiscard]] Result<ExecState> decode_exec_state(const json::Value& value);

} // namespace frostline::host
