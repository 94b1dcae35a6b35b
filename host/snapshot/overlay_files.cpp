// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/overlay_files.hpp"

#include "common/table.hpp"

#include <map>

namespace frostline::host {

namespace {

/// An overlay starts with less than half a mebibyte, but one that can't grow stops the guest.
constexpr std::uint64_t least_room = std::uint64_t{64} * 1024 * 1024;

std::string directory_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_of(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

std::string in_mib(std::uint64_t bytes)
{
    return std::to_string(bytes >> 20) + " MiB";
}

} // namespace

std::string OverlayFiles::overlay_stem(const std::string& base) const
{
    const std::string file = file_of(base);
    const std::size_t dot = file.rfind('.');
    std::string stem = dot == std::string::npos || dot == 0 ? file : file.substr(0, dot);
    // A base that is itself "DISK.EARLIER.qcow2", with EARLIER's description beside it, is an
    // overlay of ours: go on from DISK, or names would grow with every snapshot.
    for (std::size_t at = stem.find('.', 1); at != std::string::npos; at = stem.find('.', at + 1)) {
        const std::string earlier = stem.substr(at + 1);
        const std::string folder = directory_of(base) + "/";
        if (!earlier.empty() &&
            (files_.exists(folder + description_file(earlier, {})) ||
             files_.exists(folder + description_file(earlier, settings_.label)))) {
            return stem.substr(0, at);
        }
    }
    return stem;
}

Result<void> OverlayFiles::make_plans(const std::vector<Disk>& disks)
{
    for (const Disk& disk : disks) {
        std::string directory = settings_.directory;
        if (directory.empty()) {
            directory = directory_of(disk.base);
            if (directory.compare(0, 4, "/dev") == 0 &&
                (directory.size() == 4 || directory[4] == '/')) {
                return fail(ErrorKind::invalid_argument,
                            "disk " + disk.label + " is the block device " + disk.base +
                                "; say with --overlay-dir where its overlay goes");
            }
        }
        const std::string path =
            directory + "/" + overlay_stem(disk.base) + "." + settings_.name + ".qcow2";
        for (const OverlayPlan& other : plans_) {
            if (other.path == path) {
                return fail(ErrorKind::invalid_argument,
                            "the disks " + other.disk.label + " and " + disk.label +
                                " would both get the overlay " + path +
                                "; their images need different names, or different folders and "
                                "no --overlay-dir");
            }
        }
        const std::string node = settings_.node_prefix.empty()
                                     ? std::string{}
                                     : settings_.node_prefix + "-" + std::to_string(plans_.size());
        plans_.push_back({disk, path, node});
    }
    return {};
}

Result<void> OverlayFiles::check_targets()
{
    std::map<std::string, std::uint64_t> needed;
    for (const OverlayPlan& plan : plans_) {
        if (!files_.exists(plan.disk.base)) {
            return fail(ErrorKind::not_found, "disk " + plan.disk.label + ": QEMU uses " +
                                                  plan.disk.base +
                                                  ", which isn't there as this process sees it");
        }
        if (Result<void> checked = made_.check_free(plan.path); !checked) {
            return checked;
        }
        needed[directory_of(plan.path)] += least_room;
    }
    for (const auto& [directory, bytes] : needed) {
        const Result<std::uint64_t> room = files_.free_space(directory);
        if (!room) {
            return fail(room.error());
        }
        if (*room < bytes) {
            return fail(ErrorKind::io, directory + ": only " + std::to_string(*room >> 20) +
                                           " MiB free, and overlays that can't grow stop the "
                                           "guest; make room for at least " +
                                           std::to_string(bytes >> 20) + " MiB");
        }
    }
    return {};
}

Result<void> OverlayFiles::plan(const std::vector<Disk>& disks)
{
    if (Result<void> planned = make_plans(disks); !planned) {
        return planned;
    }
    if (Result<void> checked = check_targets(); !checked) {
        return checked;
    }
    if (settings_.on_plan) {
        std::vector<JournalDisk> rows;
        for (const OverlayPlan& plan : plans_) {
            rows.push_back({plan.disk.label, plan.disk.base, plan.path, plan.node});
        }
        Result<void> noted = settings_.on_plan(std::move(rows), description_path(), {}, {});
        if (!noted) {
            return noted;
        }
    }
    return made_.claim(description_path());
}

Result<void> OverlayFiles::create(const OverlayPlan& plan, TimePoint until)
{
    Result<void> created =
        files_.create_overlay(plan.path, plan.disk.base, plan.disk.format, plan.disk.size, until);
    if (created) {
        made_.add(plan.path);
    }
    return created;
}

std::string OverlayFiles::folder() const
{
    return directory_of(plans_.front().path);
}

std::string OverlayFiles::description_path() const
{
    return folder() + "/" + description_file(settings_.name, settings_.label);
}

void OverlayFiles::describe(json::Object& whole) const
{
    json::Array disks;
    for (const OverlayPlan& plan : plans_) {
        json::Object disk;
        disk.set("disk", plan.disk.label);
        disk.set("snapshot", plan.disk.base);
        disk.set("format", plan.disk.format);
        disk.set("size", plan.disk.size);
        disk.set("overlay", plan.path);
        if (!plan.node.empty()) {
            disk.set("overlay-node", plan.node);
        }
        disks.emplace_back(std::move(disk));
    }
    whole.set("disks", std::move(disks));
}

std::string OverlayFiles::table() const
{
    std::vector<std::vector<std::string>> rows{{"DISK", "SIZE", "SNAPSHOT", "THE GUEST WRITES TO"}};
    for (const OverlayPlan& plan : plans_) {
        rows.push_back({plan.disk.label, in_mib(plan.disk.size), plan.disk.base, plan.path});
    }
    return format_table(rows);
}

} // namespace frostline::host
