// SPDX-License-Identifier: Apache-2.0
#include "host/agent/decode.hpp"

#include "common/text.hpp"
#include "qapi/commands.hpp"
#include "qapi/types.hpp"

#include <algorithm>
#include <utility>

namespace frostline::host {

namespace {

constexpr std::size_t longest_text = 65536;

std::string safe(const std::string& text)
{
    return text::printable(text, longest_text);
}

std::string safe(const std::optional<std::string>& text)
{
    return text ? safe(*text) : std::string{};
}

HookRow to_row(const qapi::FreezeHook& hook)
{
    return {safe(hook.name),
            static_cast<int>(hook.stage),
            std::string{to_string(hook.phase)},
            std::string{to_string(hook.result)},
            std::chrono::microseconds{hook.duration_us},
            hook.stderr_.value_or(std::string{})};
}

FilesystemRow to_row(const qapi::FreezeFilesystem& filesystem)
{
    return {safe(filesystem.mountpoint), safe(filesystem.type),
            safe(filesystem.device),     std::string{to_string(filesystem.result)},
            safe(filesystem.reason),     std::chrono::microseconds{filesystem.duration_us}};
}

/// The first place where a newer agent has used a word that matters and isn't known here.
std::string first_unclear(const qapi::FreezeReport& report)
{
    if (report.outcome == qapi::FreezeOutcome::unrecognized) {
        return "the outcome";
    }
    for (const qapi::FreezeHook& hook : report.hooks) {
        if (hook.phase == qapi::HookPhase::unrecognized) {
            return "the phase of hook " + safe(hook.name);
        }
        if (hook.result == qapi::HookResult::unrecognized) {
            return "the result of hook " + safe(hook.name);
        }
    }
    for (const qapi::FreezeFilesystem& filesystem : report.filesystems) {
        if (filesystem.result == qapi::FilesystemResult::unrecognized) {
            return "the result of file system " + safe(filesystem.mountpoint);
        }
    }
    return {};
}

FreezeReport to_report(const qapi::FreezeReport& from, const json::Value& document)
{
    FreezeReport report;
    report.id = safe(from.id);
    report.outcome = to_string(from.outcome);
    report.frozen = std::chrono::microseconds{from.frozen_us};
    for (const qapi::FreezePhase& phase : from.phases) {
        report.phases.push_back({safe(phase.name), std::chrono::microseconds{phase.start_us},
                                 std::chrono::microseconds{phase.duration_us}});
    }
    for (const qapi::FreezeHook& hook : from.hooks) {
        report.hooks.push_back(to_row(hook));
    }
    for (const qapi::FreezeFilesystem& filesystem : from.filesystems) {
        report.filesystems.push_back(to_row(filesystem));
    }
    if (from.error) {
        report.error = safe(*from.error);
    }
    report.unclear = first_unclear(from);
    report.document = document;
    return report;
}

HookEntry to_entry(const qapi::HookInfo& hook, const json::Value& document)
{
    HookEntry entry;
    entry.name = safe(hook.name);
    entry.stage = static_cast<int>(hook.stage);
    entry.type = to_string(hook.type);
    entry.path = safe(hook.path);
    entry.state = to_string(hook.state);
    entry.reason = safe(hook.reason);
    if (hook.check) {
        entry.check = to_string(hook.check->result);
        const std::string output = hook.check->stderr_.value_or(std::string{});
        if (const std::string_view reason = text::last_line(output); !reason.empty()) {
            entry.check += ": " + text::printable(reason);
        }
    }
    entry.document = document;
    return entry;
}

/// What was no such answer after all is the agent's fault, not the user's.
template <typename Command>
Result<typename Command::Return> decode(const json::Value& value)
{
    Result<typename Command::Return> decoded = qapi::decode_return<Command>(value);
    if (!decoded) {
        return fail(ErrorKind::protocol,
                    "an answer that this frostline can't read: " + decoded.error().message());
    }
    return decoded;
}

} // namespace

Result<AgentIdentity> decode_identity(const json::Value& value)
{
    const Result<qapi::GuestAgentInfo> info = decode<qapi::GuestInfo>(value);
    if (!info) {
        return fail(info.error());
    }
    AgentIdentity identity;
    identity.version = safe(info->version);
    for (const qapi::GuestAgentCommandInfo& command : info->supported_commands) {
        // Its existence tells which agent this is, even where policy or a freeze forbids its use.
        identity.frostline = identity.frostline || command.name == qapi::FrostlineFreeze::name;
        if (command.enabled) {
            identity.commands.push_back(safe(command.name));
        }
    }
    std::sort(identity.commands.begin(), identity.commands.end());
    return identity;
}

Result<FreezeReport> decode_report(const json::Value& value)
{
    const Result<qapi::FreezeReport> report = decode<qapi::FrostlineFreeze>(value);
    if (!report) {
        return fail(report.error());
    }
    return to_report(*report, value);
}

Result<GuestState> decode_status(const json::Value& value)
{
    const Result<qapi::FreezeStatus> status = decode<qapi::FrostlineStatus>(value);
    if (!status) {
        return fail(status.error());
    }
    GuestState state;
    state.state = to_string(status->state);
    // While hooks let go, the file systems are thawed already. A state that isn't known here may
    // hold something.
    state.frozen =
        status->state != qapi::FreezeState::idle && status->state != qapi::FreezeState::releasing;
    state.id = status->id;
    if (status->deadline_remaining_ms) {
        state.deadline_remaining = std::chrono::milliseconds{*status->deadline_remaining_ms};
    }
    for (const std::string& name : status->owed_hooks.value_or(std::vector<std::string>{})) {
        state.owed_hooks.push_back(safe(name));
    }
    if (status->last) {
        state.last = to_report(*status->last, *value.find("last"));
    }
    state.document = value;
    return state;
}

Result<GuestState> decode_plain_status(const json::Value& value)
{
    const Result<qapi::GuestFsfreezeState> status = decode<qapi::GuestFsfreezeStatus>(value);
    if (!status) {
        return fail(status.error());
    }
    GuestState state;
    state.state = to_string(*status);
    state.frozen = *status != qapi::GuestFsfreezeState::thawed;
    json::Object document;
    document.set("state", state.state);
    state.document = json::Value{std::move(document)};
    return state;
}

Result<std::vector<HookEntry>> decode_hooks(const json::Value& value)
{
    const Result<std::vector<qapi::HookInfo>> hooks = decode<qapi::FrostlineListHooks>(value);
    if (!hooks) {
        return fail(hooks.error());
    }
    std::vector<HookEntry> entries;
    const json::Array& documents = *value.as_array();
    for (std::size_t index = 0; index < hooks->size(); ++index) {
        entries.push_back(to_entry((*hooks)[index], documents[index]));
    }
    return entries;
}

Result<std::int64_t> decode_count(const json::Value& value)
{
    return decode<qapi::GuestFsfreezeThaw>(value);
}

Result<std::int64_t> decode_exec(const json::Value& value)
{
    const Result<qapi::GuestExecStarted> started = decode<qapi::GuestExec>(value);
    return started ? Result<std::int64_t>{started->pid} : fail(started.error());
}

Result<ExecState> decode_exec_state(const json::Value& value)
{
    Result<qapi::GuestExecState> state = decode<qapi::GuestExecStatus>(value);
    if (!state) {
        return fail(std::move(state).error());
    }
    ExecState out;
    out.exited = state->exited;
    out.exit_status = state->exitcode;
    out.signal = state->signal;
    out.output = state->out_data ? std::move(state->out_data->data) : std::string{};
    out.errors = state->err_data ? std::move(state->err_data->data) : std::string{};
    out.truncated = state->out_truncated.value_or(false) || state->err_truncated.value_or(false);
    return out;
}

std::int64_t held_filesystems(const FreezeReport& report)
{
    return std::count_if(
        report.filesystems.begin(), report.filesystems.end(),
        [](const FilesystemRow& row) { return row.result == "frozen" || row.result == "synced"; });
}

} // namespace frostline::host
