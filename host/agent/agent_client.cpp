// SPDX-License-Identifier: Apache-2.0
#include "host/agent/agent_client.hpp"

#include "common/text.hpp"
#include "host/agent/decode.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

/// Decodes a good answer's value and adds which command it was to what is wrong with it.
template <typename T>
Result<Answer<T>> decode_answer(Result<Reply> reply, const char* command,
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

Result<void> AgentClient::ping()
{
    Result<json::Value> answer =
        flatten(transport_.call("guest-ping", {}, waiter_.now() + limits_.answer));
    if (!answer) {
        return fail(std::move(answer).error());
    }
    return {};
}

Result<AgentIdentity> AgentClient::identify()
{
    Result<AgentIdentity> identity = flatten(
        decode_answer(transport_.call("guest-info", {}, waiter_.now() + limits_.answer),
                      "guest-info", decode_identity));
    frostline_ = identity && identity->frostline;
    return identity;
}

Result<GuestState> AgentClient::plain_state()
{
    const Result<json::Value> value =
        flatten(transport_.call("guest-fsfreeze-status", {}, waiter_.now() + limits_.answer));
    if (!value) {
        return fail(value.error());
    }
    GuestState state;
    if (value->as_string() == nullptr ||
        (*value->as_string() != "frozen" && *value->as_string() != "thawed")) {
        return fail(ErrorKind::protocol, "guest-fsfreeze-status: neither frozen nor thawed");
    }
    state.state = *value->as_string();
    state.frozen = state.state == "frozen";
    json::Object document;
    document.set("state", state.state);
    state.document = json::Value{std::move(document)};
    return state;
}

Result<GuestState> AgentClient::state()
{
    if (!frostline_) {
        return plain_state();
    }
    return flatten(
        decode_answer(transport_.call("frostline-status", {}, waiter_.now() + limits_.answer),
                      "frostline-status", decode_status));
}

Result<std::vector<HookEntry>> AgentClient::hooks(bool check)
{
    json::Object arguments;
    arguments.set("check", check);
    // Checks run side by side, each within its own limits, so this may take as long as a freeze.
    const Millis limit = check ? limits_.freeze : limits_.answer;
    return flatten(decode_answer(
        transport_.call("frostline-list-hooks", std::move(arguments), waiter_.now() + limit),
        "frostline-list-hooks", decode_hooks));
}

Result<Answer<FreezeResult>> AgentClient::freeze(const std::string& id,
                                                 std::optional<Millis> deadline)
{
    const TimePoint until = waiter_.now() + limits_.freeze;
    if (!frostline_) {
        return decode_answer(transport_.call("guest-fsfreeze-freeze", {}, until),
                             "guest-fsfreeze-freeze", decode_freeze_count);
    }
    json::Object arguments;
    arguments.set("id", id);
    if (deadline) {
        arguments.set("deadline-ms", std::int64_t{deadline->count()});
    }
    return decode_answer(transport_.call("frostline-freeze", std::move(arguments), until),
                         "frostline-freeze", decode_freeze_report);
}

Result<Answer<ThawResult>> AgentClient::thaw(const std::optional<std::string>& id)
{
    const TimePoint until = waiter_.now() + limits_.thaw;
    if (!frostline_) {
        return decode_answer(transport_.call("guest-fsfreeze-thaw", {}, until),
                             "guest-fsfreeze-thaw", decode_thaw_count);
    }
    json::Object arguments;
    if (id) {
        arguments.set("id", *id);
    }
    return decode_answer(transport_.call("frostline-thaw", std::move(arguments), until),
                         "frostline-thaw", decode_thaw_report);
}

} // namespace frostline::host
