// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/backup_files.hpp"

#include "common/json/lookup.hpp"
#include "common/json/parse.hpp"
#include "common/table.hpp"
#include "host/snapshot/method.hpp"

#include <algorithm>

namespace frostline::host {

namespace {

std::string in_mib(std::uint64_t bytes)
{
    return std::to_string(bytes >> 20U) + " MiB";
}

/// A backup in the folder, as its description has it.
struct Earlier {
    std::string name;
    std::string parent;
    std::string started;
    std::vector<std::pair<std::string, std::string>> images; ///< (disk, path)
};

std::optional<Earlier> read_earlier(const std::string& text, const std::string& label)
{
    const Result<json::Value> whole = json::parse(text);
    if (!whole || json::string_at(*whole, "method") != "backup" ||
        json::string_at(*whole, "label") != label) {
        return std::nullopt;
    }
    Earlier earlier{json::string_at(*whole, "name"),
                    json::string_at(*whole, "parent"),
                    json::string_at(*whole, "started"),
                    {}};
    const json::Value* disks = whole->find("disks");
    if (disks != nullptr && disks->as_array() != nullptr) {
        for (const json::Value& disk : *disks->as_array()) {
            earlier.images.emplace_back(json::string_at(disk, "disk"),
                                        json::string_at(disk, "backup"));
        }
    }
    return earlier;
}

} // namespace

std::string BackupFiles::description_path() const
{
    return settings_.directory + "/" + description_file(settings_.name, settings_.label);
}

std::optional<std::string> BackupFiles::parent_mark() const
{
    return parent_name_.empty() ? std::nullopt : std::optional{mark_of(parent_name_)};
}

/// The latest whole one: an unfinished backup has an empty description, or none.
Result<void> BackupFiles::find_parent(const std::vector<Disk>& disks)
{
    const Result<std::vector<std::string>> names =
        files_.list(settings_.directory, ".frostline.json");
    if (!names) {
        return fail(names.error());
    }
    std::vector<Earlier> all;
    std::vector<std::string> parents;
    for (const std::string& name : *names) {
        const Result<std::string> text = files_.read(settings_.directory + "/" + name);
        if (std::optional<Earlier> earlier =
                text ? read_earlier(*text, settings_.label) : std::nullopt) {
            parents.push_back(earlier->parent);
            all.push_back(std::move(*earlier));
        }
    }
    std::optional<Earlier> latest;
    for (Earlier& earlier : all) {
        const bool is_parent =
            std::find(parents.begin(), parents.end(), earlier.name) != parents.end();
        if (!is_parent && (!latest || latest->started < earlier.started)) {
            latest = std::move(earlier);
        }
    }
    if (!latest) {
        return fail(ErrorKind::not_found, settings_.directory +
                                              ": there is no backup of this guest to go on from; "
                                              "make a whole one first (without --incremental)");
    }
    for (BackupPlan& plan : plans_) {
        const auto image =
            std::find_if(latest->images.begin(), latest->images.end(),
                         [&plan](const auto& one) { return one.first == plan.disk.label; });
        if (image == latest->images.end() || !files_.exists(image->second)) {
            return fail(ErrorKind::not_found, "the backup " + latest->name +
                                                  " has no image of disk " + plan.disk.label +
                                                  " any more, or never had one; "
                                                  "make a whole one");
        }
        plan.parent = image->second;
    }
    if (latest->images.size() != disks.size()) {
        return fail(ErrorKind::not_found, "the guest has lost disks since the backup " +
                                              latest->name + "; make a whole one");
    }
    parent_name_ = latest->name;
    return {};
}

/// A whole backup may need all of each disk; of an incremental one nobody knows before.
Result<void> BackupFiles::check_room()
{
    constexpr std::uint64_t least = std::uint64_t{64} * 1024 * 1024;
    const Result<std::uint64_t> room = files_.free_space(settings_.directory);
    if (!room) {
        return fail(room.error());
    }
    std::uint64_t needed = least;
    for (const BackupPlan& plan : plans_) {
        needed += settings_.incremental ? 0 : files_.allocated(plan.disk.base);
    }
    if (*room < needed) {
        return fail(ErrorKind::io, settings_.directory + ": only " + in_mib(*room) +
                                       " free, and the backup may need " + in_mib(needed));
    }
    return {};
}

Result<void> BackupFiles::plan(const std::vector<Disk>& disks, const std::string& node_prefix)
{
    for (const Disk& disk : disks) {
        plans_.push_back({disk,
                          settings_.directory + "/" + settings_.label + "." +
                              file_label(disk.label) + "." + settings_.name + ".qcow2",
                          {}});
    }
    for (const BackupPlan& plan : plans_) {
        if (Result<void> checked = made_.check_free(plan.path); !checked) {
            return checked;
        }
    }
    if (settings_.incremental) {
        if (Result<void> found = find_parent(disks); !found) {
            return found;
        }
    }
    if (Result<void> room = check_room(); !room) {
        return room;
    }
    if (settings_.on_plan) {
        std::vector<JournalDisk> rows;
        for (std::size_t i = 0; i < plans_.size(); ++i) {
            rows.push_back(
                {plans_[i].disk.label, plans_[i].disk.base, plans_[i].path,
                 node_prefix.empty() ? std::string{} : node_prefix + "-" + std::to_string(i)});
        }
        Result<void> noted =
            settings_.on_plan(std::move(rows), description_path(),
                              node_prefix.empty() ? std::string{} : node_prefix + "-", mark());
        if (!noted) {
            return noted;
        }
    }
    return made_.claim(description_path());
}

Result<void> BackupFiles::create(const BackupPlan& plan, TimePoint until)
{
    Result<void> created =
        files_.create_image(plan.path, plan.disk.base, plan.parent, plan.disk.size, until);
    if (created) {
        made_.add(plan.path);
    }
    return created;
}

void BackupFiles::describe(json::Object& whole) const
{
    whole.set("label", settings_.label);
    whole.set("incremental", settings_.incremental);
    if (!parent_name_.empty()) {
        whole.set("parent", parent_name_);
    }
    json::Array disks;
    for (const BackupPlan& plan : plans_) {
        json::Object disk;
        disk.set("disk", plan.disk.label);
        disk.set("source", plan.disk.base);
        disk.set("size", plan.disk.size);
        disk.set("backup", plan.path);
        if (!plan.parent.empty()) {
            disk.set("backing-file", plan.parent);
        }
        disks.emplace_back(std::move(disk));
    }
    whole.set("disks", std::move(disks));
}

std::string BackupFiles::table() const
{
    std::vector<std::vector<std::string>> rows{{"DISK", "SIZE", "BACKUP", "GOES ON FROM"}};
    for (const BackupPlan& plan : plans_) {
        rows.push_back({plan.disk.label, in_mib(plan.disk.size), plan.path, plan.parent});
    }
    return format_table(rows);
}

} // namespace frostline::host
