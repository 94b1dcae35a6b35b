// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/journal.hpp"

#include "common/json/lookup.hpp"
#include "common/json/parse.hpp"
#include "common/json/write.hpp"

namespace frostline::host {

namespace {

std::optional<std::string> optional_at(const json::Value& value, const char* name)
{
    std::string found = json::string_at(value, name);
    return found.empty() ? std::nullopt : std::optional{std::move(found)};
}

} // namespace

std::string write_journal(const Journal& journal)
{
    json::Object whole;
    whole.set("guest", journal.guest);
    whole.set("connect", journal.connect.value_or(std::string{}));
    whole.set("socket", journal.socket.value_or(std::string{}));
    whole.set("qmp", journal.qmp.value_or(std::string{}));
    whole.set("freeze-id", journal.freeze_id);
    whole.set("method", journal.method);
    whole.set("name", journal.name);
    whole.set("description", journal.description);
    whole.set("jobs", journal.jobs);
    whole.set("mark", journal.mark);
    json::Array disks;
    for (const JournalDisk& disk : journal.disks) {
        json::Object one;
        one.set("disk", disk.label);
        one.set("base", disk.base);
        one.set("target", disk.target);
        one.set("node", disk.node);
        disks.emplace_back(std::move(one));
    }
    whole.set("disks", std::move(disks));
    return json::write_pretty(json::Value{std::move(whole)});
}

Result<Journal> read_journal(std::string_view text)
{
    const Result<json::Value> whole = json::parse(text);
    if (!whole) {
        return fail(Error{whole.error()}.with_context("the journal"));
    }
    Journal journal;
    journal.guest = json::string_at(*whole, "guest");
    journal.connect = optional_at(*whole, "connect");
    journal.socket = optional_at(*whole, "socket");
    journal.qmp = optional_at(*whole, "qmp");
    journal.freeze_id = json::string_at(*whole, "freeze-id");
    journal.method = json::string_at(*whole, "method");
    journal.name = json::string_at(*whole, "name");
    journal.description = json::string_at(*whole, "description");
    journal.jobs = json::string_at(*whole, "jobs");
    journal.mark = json::string_at(*whole, "mark");
    if (const json::Value* disks = whole->find("disks");
        disks != nullptr && disks->as_array() != nullptr) {
        for (const json::Value& disk : *disks->as_array()) {
            journal.disks.push_back({json::string_at(disk, "disk"), json::string_at(disk, "base"),
                                     json::string_at(disk, "target"),
                                     json::string_at(disk, "node")});
        }
    }
    if (journal.guest.empty() || journal.freeze_id.empty()) {
        return fail(ErrorKind::invalid_argument, "the journal names no guest or no freeze");
    }
    return journal;
}

Result<Journal> load_journal(ImageFiles& files, const std::string& path)
{
    if (!files.trusted(path)) {
        return fail(ErrorKind::permission, path + ": others can have written it, or it is no file; "
                                                  "look at it, and remove it");
    }
    const Result<std::string> text = files.read(path);
    if (!text) {
        return fail(text.error());
    }
    Result<Journal> journal = read_journal(*text);
    return journal ? std::move(journal) : fail(std::move(journal).error().with_context(path));
}

} // namespace frostline::host
