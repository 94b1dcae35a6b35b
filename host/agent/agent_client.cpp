// SPDX-License-Identifier: Apache-2.0
#include "host/agent/agent_client.hpp"

#include "host/agent/decode.hpp"
#include "qapi/commands.hpp"

#include <utility>

namespace frostline::host {

namespace {

/// Decodes a good answer's value and adds which command it was to what is wrong with it.
template <typename T>
Result<Answer<T>> decode_answer(Result<Reply> reply, std::string_view command,
                                Result<T> (*decode)(const json::Value&))
{
    if (!reply) {
        return fail(std::move(reply).error());
    }
    if (!reply->good()) {
        return Answer<T>{reply->error()};
    }
    Result<T> value = decode(reply->value());
    if (!value) {
        return fail(std::move(value).error().with_context(command));
    }
    return Answer<T>{std::move(*value)};
}

Result<ThawResult> decode_thaw_report(const json::Value& value)
{
    Result<FreezeReport> report = decode_report(value);
    if (!report) {
        return fail(std::move(report).error());
    }
    const std::int64_t count = held_filesystems(*report);
    return ThawResult{count, std::move(*report)};
}

Result<FreezeResult> decode_freeze_report(const json::Value& value)
{
    Result<ThawResult> result = decode_thaw_report(value);
    if (!result) {
        return fail(std::move(result).error());
    }
    return FreezeResult{result->count, std::move(result->report)};
}

Result<FreezeResult> decode_freeze_count(const json::Value& value)
{
    const Result<std::int64_t> count = decode_count(value);
    if (!count) {
        return fail(count.error());
    }
    return FreezeResult{*count, std::nullopt};
}

Result<ThawResult> decode_thaw_count(const json::Value& value)
{
    const Result<std::int64_t> count = decode_count(value);
    if (!count) {
        return fail(count.error());
    }
    return ThawResult{*count, std::nullopt};
}

} // namespace

template <typename Command>
Result<Reply> AgentClient::send(const typename Command::Arguments& arguments, Millis limit)
{
    json::Value encoded = qapi::encode_arguments<Command>(arguments);
    return transport_.call(Command::name, std::move(*encoded.as_object()), waiter_.now() + limit);
}

Result<void> AgentClient::ping()
{
    const Result<json::Value> answer = flatten(send<qapi::GuestPing>({}, limits_.answer));
    if (!answer) {
        return fail(answer.error());
    }
    return {};
}

Result<AgentIdentity> AgentClient::identify()
{
    Result<AgentIdentity> identity = flatten(decode_answer(
        send<qapi::GuestInfo>({}, limits_.answer), qapi::GuestInfo::name, decode_identity));
    frostline_ = identity && identity->frostline;
    return identity;
}

Result<GuestState> AgentClient::state()
{
    if (!frostline_) {
        return flatten(decode_answer(send<qapi::GuestFsfreezeStatus>({}, limits_.answer),
                                     qapi::GuestFsfreezeStatus::name, decode_plain_status));
    }
    return flatten(decode_answer(send<qapi::FrostlineStatus>({}, limits_.answer),
                                 qapi::FrostlineStatus::name, decode_status));
}

Result<std::vector<HookEntry>> AgentClient::hooks(bool check)
{
    qapi::FrostlineListHooks::Arguments arguments;
    arguments.check = check;
    // Checks run side by side, each within its own limits, so this may take as long as a freeze.
    const Millis limit = check ? limits_.freeze : limits_.answer;
    return flatten(decode_answer(send<qapi::FrostlineListHooks>(arguments, limit),
                                 qapi::FrostlineListHooks::name, decode_hooks));
}

Result<std::int64_t> AgentClient::exec(const std::vector<std::string>& command)
{
    qapi::GuestExec::Arguments arguments;
    arguments.path = command.front();
    arguments.arg = std::vector<std::string>{command.begin() + 1, command.end()};
    // The form that every qemu-ga knows: both streams, each by itself.
    arguments.capture_output = qapi::GuestExecCaptureOutput{true};
    return flatten(decode_answer(send<qapi::GuestExec>(arguments, limits_.answer),
                                 qapi::GuestExec::name, decode_exec));
}

Result<ExecState> AgentClient::exec_state(std::int64_t pid)
{
    qapi::GuestExecStatus::Arguments arguments;
    arguments.pid = pid;
    return flatten(decode_answer(send<qapi::GuestExecStatus>(arguments, limits_.answer),
                                 qapi::GuestExecStatus::name, decode_exec_state));
}

Result<Answer<FreezeResult>> AgentClient::freeze(const FreezeWish& wish)
{
    if (!frostline_) {
        return decode_answer(send<qapi::GuestFsfreezeFreeze>({}, limits_.freeze),
                             qapi::GuestFsfreezeFreeze::name, decode_freeze_count);
    }
    qapi::FrostlineFreeze::Arguments arguments;
    arguments.id = wish.id;
    if (wish.deadline) {
        arguments.deadline_ms = wish.deadline->count();
    }
    arguments.mountpoints = wish.mount_points;
    return decode_answer(send<qapi::FrostlineFreeze>(arguments, limits_.freeze),
                         qapi::FrostlineFreeze::name, decode_freeze_report);
}

Result<Answer<ThawResult>> AgentClient::thaw(const std::optional<std::string>& id)
{
    if (!frostline_) {
        return decode_answer(send<qapi::GuestFsfreezeThaw>({}, limits_.thaw),
                             qapi::GuestFsfreezeThaw::name, decode_thaw_count);
    }
    qapi::FrostlineThaw::Arguments arguments;
    arguments.id = id;
    return decode_answer(send<qapi::FrostlineThaw>(arguments, limits_.thaw),
                         qapi::FrostlineThaw::name, decode_thaw_report);
}

} // namespace frostline::host
