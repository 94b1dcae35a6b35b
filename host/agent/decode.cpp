// SPDX-License-Identifier: Apache-2.0
#include "host/agent/decode.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace frostline::host {

namespace {

/// Reads members of one object and keeps the first thing that is wrong.
class Reader {
public:
    Reader(const json::Value& object, std::string name) : object_(object), name_(std::move(name))
    {
        if (object.as_object() == nullptr) {
            complain("", "is no object");
        }
    }

    std::string text(std::string_view key)
    {
        const json::Value* value = object_.find(key);
        if (value == nullptr || value->as_string() == nullptr) {
            complain(key, "is missing or no string");
            return {};
        }
        return text::printable(*value->as_string(), 65536);
    }
    std::string text_or_empty(std::string_view key)
    {
        return object_.find(key) == nullptr ? std::string{} : text(key);
    }
    std::int64_t integer(std::string_view key)
    {
        const json::Value* value = object_.find(key);
        if (value == nullptr || value->as_int() == nullptr) {
            complain(key, "is missing or no integer");
            return 0;
        }
        return *value->as_int();
    }
    std::chrono::microseconds micros(std::string_view key)
    {
        return std::chrono::microseconds{integer(key)};
    }
    bool boolean(std::string_view key)
    {
        const json::Value* value = object_.find(key);
        if (value == nullptr || value->as_bool() == nullptr) {
            complain(key, "is missing or no boolean");
            return false;
        }
        return *value->as_bool();
    }
    const json::Array& array(std::string_view key)
    {
        static const json::Array empty;
        const json::Value* value = object_.find(key);
        if (value == nullptr || value->as_array() == nullptr) {
            complain(key, "is missing or no array");
            return empty;
        }
        return *value->as_array();
    }
    const json::Value* find(std::string_view key) const { return object_.find(key); }

    [[nodiscard]] Result<void> end() const
    {
        if (!complaint_.empty()) {
            return fail(ErrorKind::protocol, complaint_);
        }
        return {};
    }

private:
    void complain(std::string_view key, const char* what)
    {
        if (complaint_.empty()) {
            complaint_ = name_ + (key.empty() ? "" : "." + std::string{key}) + " " + what;
        }
    }

    const json::Value& object_;
    std::string name_;
    std::string complaint_;
};

Result<HookRow> decode_hook_row(const json::Value& value)
{
    Reader reader{value, "hooks[]"};
    HookRow row;
    row.name = reader.text("name");
    row.stage = static_cast<int>(std::clamp<std::int64_t>(reader.integer("stage"), -1, 99));
    row.phase = reader.text("phase");
    row.result = reader.text("result");
    row.duration = reader.micros("duration-us");
    row.error_output = reader.text_or_empty("stderr");
    if (Result<void> good = reader.end(); !good) {
        return fail(std::move(good).error());
    }
    return row;
}

Result<FilesystemRow> decode_filesystem_row(const json::Value& value)
{
    Reader reader{value, "filesystems[]"};
    FilesystemRow row;
    row.mount_point = reader.text("mountpoint");
    row.type = reader.text("type");
    row.device = reader.text("device");
    row.result = reader.text("result");
    row.reason = reader.text_or_empty("reason");
    row.duration = reader.micros("duration-us");
    if (Result<void> good = reader.end(); !good) {
        return fail(std::move(good).error());
    }
    return row;
}

template <typename T>
Result<std::vector<T>> decode_all(const json::Array& values,
                                  Result<T> (*decode)(const json::Value&))
{
    std::vector<T> all;
    for (const json::Value& value : values) {
        Result<T> one = decode(value);
        if (!one) {
            return fail(std::move(one).error());
        }
        all.push_back(std::move(*one));
    }
    return all;
}

Result<HookEntry> decode_hook_entry(const json::Value& value)
{
    Reader reader{value, "hook"};
    HookEntry entry;
    entry.document = value;
    entry.name = reader.text("name");
    entry.stage = static_cast<int>(std::clamp<std::int64_t>(reader.integer("stage"), -1, 99));
    entry.type = reader.text("type");
    entry.path = reader.text("path");
    entry.state = reader.text("state");
    entry.reason = reader.text_or_empty("reason");
    if (const json::Value* check = reader.find("check"); check != nullptr) {
        Reader run{*check, "hook.check"};
        entry.check = run.text("result");
        if (const std::string output = run.text_or_empty("stderr"); !output.empty()) {
            entry.check += ": " + std::string{text::last_line(output)};
        }
        if (Result<void> good = run.end(); !good) {
            return fail(std::move(good).error());
        }
    }
    if (Result<void> good = reader.end(); !good) {
        return fail(std::move(good).error());
    }
    return entry;
}

} // namespace

Result<AgentIdentity> decode_identity(const json::Value& value)
{
    Reader reader{value, "guest-info"};
    AgentIdentity identity;
    identity.version = reader.text("version");
    for (const json::Value& entry : reader.array("supported_commands")) {
        Reader command{entry, "supported_commands[]"};
        std::string name = command.text("name");
        const bool enabled = command.boolean("enabled");
        if (Result<void> good = command.end(); !good) {
            return fail(std::move(good).error());
        }
        // Its existence tells which agent this is, even where policy or a freeze forbids its use.
        identity.frostline = identity.frostline || name == "frostline-freeze";
        if (enabled) {
            identity.commands.push_back(std::move(name));
        }
    }
    if (Result<void> good = reader.end(); !good) {
        return fail(std::move(good).error());
    }
    std::sort(identity.commands.begin(), identity.commands.end());
    identity.document = value;
    return identity;
}

Result<FreezeReport> decode_report(const json::Value& value)
{
    Reader reader{value, "report"};
    FreezeReport report;
    report.id = reader.text("id");
    report.outcome = reader.text("outcome");
    report.frozen = reader.micros("frozen-us");
    Result<std::vector<HookRow>> hooks = decode_all(reader.array("hooks"), decode_hook_row);
    if (!hooks) {
        return fail(std::move(hooks).error().with_context("report"));
    }
    Result<std::vector<FilesystemRow>> filesystems =
        decode_all(reader.array("filesystems"), decode_filesystem_row);
    if (!filesystems) {
        return fail(std::move(filesystems).error().with_context("report"));
    }
    if (const std::string error = reader.text_or_empty("error"); !error.empty()) {
        report.error = error;
    }
    if (Result<void> good = reader.end(); !good) {
        return fail(std::move(good).error());
    }
    report.hooks = std::move(*hooks);
    report.filesystems = std::move(*filesystems);
    report.document = value;
    return report;
}

Result<GuestState> decode_status(const json::Value& value)
{
    Reader reader{value, "status"};
    GuestState state;
    state.state = reader.text("state");
    // While hooks let go, the file systems are thawed already.
    state.frozen = state.state != "idle" && state.state != "releasing";
    if (reader.find("id") != nullptr) {
        state.id = reader.text("id");
    }
    if (reader.find("deadline-remaining-ms") != nullptr) {
        state.deadline_remaining = std::chrono::milliseconds{reader.integer("deadline-remaining-ms")};
    }
    if (const json::Value* last = reader.find("last"); last != nullptr) {
        Result<FreezeReport> report = decode_report(*last);
        if (!report) {
            return fail(std::move(report).error().with_context("status.last"));
        }
        state.last = std::move(*report);
    }
    if (Result<void> good = reader.end(); !good) {
        return fail(std::move(good).error());
    }
    state.document = value;
    return state;
}

Result<std::vector<HookEntry>> decode_hooks(const json::Value& value)
{
    if (value.as_array() == nullptr) {
        return fail(ErrorKind::protocol, "the list of hooks is no array");
    }
    return decode_all(*value.as_array(), decode_hook_entry);
}

Result<std::int64_t> decode_count(const json::Value& value)
{
    if (value.as_int() == nullptr) {
        return fail(ErrorKind::protocol, "the answer is no count");
    }
    return *value.as_int();
}

std::int64_t held_filesystems(const FreezeReport& report)
{
    return std::count_if(report.filesystems.begin(), report.filesystems.end(),
                         [](const FilesystemRow& row) {
                             return row.result == "frozen" || row.result == "synced";
                         });
}

} // namespace frostline::host
