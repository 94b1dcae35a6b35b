// SPDX-License-Identifier: Apache-2.0
#include "freeze/plan.hpp"

#include "freeze/fs_kind.hpp"
#include "freeze/waves.hpp"
#include "system/mount_tree.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fnmatch.h>

namespace frostline::freeze {

namespace {

bool matches(const std::vector<std::string>& patterns, const system::Mount& mount)
{
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        if (!pattern.empty() && pattern.front() == '@') {
            return ::fnmatch(pattern.c_str() + 1, mount.type.c_str(), 0) == 0;
        }
        return ::fnmatch(pattern.c_str(), mount.mount_point.c_str(), 0) == 0;
    });
}

/// All mounts of one superblock, in the table's order.
struct Superblock {
    std::vector<std::size_t> mounts;
    bool asked_for = false; ///< by name
};

class Planner {
public:
    Planner(const std::vector<system::Mount>& mounts, const BackingFiles& backing,
            const Settings& settings, const Request& request)
        : mounts_(mounts), backing_(backing), settings_(settings), request_(request), tree_(mounts)
    {}

    Result<Plan> make()
    {
        gather();
        if (Result<void> chosen = choose(); !chosen) {
            return fail(std::move(chosen).error());
        }
        for (auto it = order_.rbegin(); it != order_.rend(); ++it) { // the latest mounted first
            const Superblock& superblock = superblocks_.at(*it);
            if (!request_.mount_points || superblock.asked_for) {
                consider(superblock);
            }
        }
        if (Result<void> ordered = put_in_waves(); !ordered) {
            return fail(std::move(ordered).error());
        }
        return std::move(plan_);
    }

private:
    void gather();
    [[nodiscard]] Result<void> choose();
    void consider(const Superblock& superblock);
    void leave_out(const system::Mount& mount, std::string reason);
    void add(const Superblock& superblock, std::size_t chosen, Action action, std::string reason);
    [[nodiscard]] std::optional<dev_t> holding(const system::BackingFile& file) const;
    void collect_below(dev_t device, const std::map<dev_t, std::size_t>& planned,
                       std::set<dev_t>& seen, std::set<std::size_t>& found) const;
    [[nodiscard]] Result<void> put_in_waves();

    const std::vector<system::Mount>& mounts_;
    const BackingFiles& backing_;
    const Settings& settings_;
    const Request& request_;
    system::MountTree tree_;
    std::map<dev_t, Superblock> superblocks_; ///< the kernel gives each superblock one number
    std::vector<dev_t> order_;
    Plan plan_;
};

void Planner::gather()
{
    for (std::size_t i = 0; i < mounts_.size(); ++i) {
        Superblock& superblock = superblocks_[mounts_[i].device];
        if (superblock.mounts.empty()) {
            order_.push_back(mounts_[i].device);
        }
        superblock.mounts.push_back(i);
        if (classify(mounts_[i]) == FsKind::remote) {
            plan_.remote.push_back(mounts_[i].mount_point);
        }
    }
}

Result<void> Planner::choose()
{
    if (!request_.mount_points) {
        return {};
    }
    for (const std::string& wanted : *request_.mount_points) {
        if (const auto mount = tree_.at(system::normalise_path(wanted))) {
            superblocks_[mounts_[*mount].device].asked_for = true;
        } else if (request_.unknown_mount_point_is_error) {
            return fail(ErrorKind::invalid_argument,
                        wanted + ": not a mount point of this guest; nothing was frozen");
        } else {
            plan_.left_out.push_back({wanted, {}, {}, "not a mount point of this guest"});
        }
    }
    return {};
}

void Planner::leave_out(const system::Mount& mount, std::string reason)
{
    plan_.left_out.push_back({mount.mount_point, mount.type, mount.source, std::move(reason)});
}

void Planner::add(const Superblock& superblock, std::size_t chosen, Action action,
                  std::string reason)
{
    PlannedFs planned;
    planned.mount = mounts_[chosen];
    planned.mount_points = {planned.mount.mount_point};
    for (const std::size_t other : superblock.mounts) {
        if (other != chosen && tree_.visible(other)) {
            planned.mount_points.push_back(mounts_[other].mount_point);
        }
    }
    planned.action = action;
    planned.reason = std::move(reason);
    plan_.filesystems.push_back(std::move(planned));
}

void Planner::consider(const Superblock& superblock)
{
    const system::Mount& first = mounts_[superblock.mounts.front()];
    const FsKind kind = classify(first);
    const bool of_interest = kind != FsKind::nothing && kind != FsKind::memory;
    if (!of_interest && !superblock.asked_for) {
        return;
    }
    if (matches(settings_.exclude, first)) {
        return leave_out(first, "excluded by the configuration");
    }
    if (matches(request_.exclude, first)) {
        return leave_out(first, "excluded by the request");
    }
    if (kind == FsKind::remote) {
        return leave_out(first, first.type + " is served from elsewhere and cannot be frozen");
    }
    const auto chosen = std::find_if(superblock.mounts.begin(), superblock.mounts.end(),
                                     [this](std::size_t mount) { return tree_.visible(mount); });
    if (chosen == superblock.mounts.end()) {
        return leave_out(first, "hidden: another file system is mounted over every way to it");
    }
    if (kind != FsKind::freezable) {
        return add(superblock, *chosen, Action::sync, first.type + " cannot be frozen");
    }
    if (matches(settings_.sync_only, first)) {
        return add(superblock, *chosen, Action::sync, "sync-only by the configuration");
    }
    add(superblock, *chosen, Action::freeze, {});
}

/// The superblock that has this file. A path may lead astray: the mount it was opened through can
/// be hidden, detached, or in another namespace.
std::optional<dev_t> Planner::holding(const system::BackingFile& file) const
{
    if (file.filesystem != 0 && superblocks_.count(file.filesystem) != 0) {
        return file.filesystem;
    }
    const auto mount = tree_.holding(file.path);
    return mount ? std::optional{mounts_[*mount].device} : std::nullopt;
}

/// Follows loop files from `device` down to planned file systems, through those left out.
void Planner::collect_below(dev_t device, const std::map<dev_t, std::size_t>& planned,
                            std::set<dev_t>& seen, std::set<std::size_t>& found) const
{
    const auto files = backing_.find(device);
    if (files == backing_.end()) {
        return;
    }
    for (const system::BackingFile& file : files->second) {
        const std::optional<dev_t> holder = holding(file);
        if (!holder || !seen.insert(*holder).second) {
            continue;
        }
        const auto parent = planned.find(*holder);
        if (parent != planned.end()) {
            found.insert(parent->second);
        } else {
            collect_below(*holder, planned, seen, found);
        }
    }
}

Result<void> Planner::put_in_waves()
{
    std::map<dev_t, std::size_t> index;
    std::vector<std::string> names;
    for (const PlannedFs& fs : plan_.filesystems) {
        index[fs.mount.device] = names.size();
        names.push_back(fs.mount.mount_point);
    }
    std::vector<std::set<std::size_t>> below(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::set<dev_t> seen;
        collect_below(plan_.filesystems[i].mount.device, index, seen, below[i]);
    }
    Result<std::vector<int>> order = waves(below, names);
    if (!order) {
        return fail(std::move(order).error());
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        plan_.filesystems[i].wave = (*order)[i];
    }
    std::stable_sort(plan_.filesystems.begin(), plan_.filesystems.end(),
                     [](const PlannedFs& a, const PlannedFs& b) { return a.wave < b.wave; });
    return {};
}

} // namespace

Result<Plan> make_plan(const std::vector<system::Mount>& mounts, const BackingFiles& backing,
                       const Settings& settings, const Request& request)
{
    return Planner{mounts, backing, settings, request}.make();
}

} // namespace frostline::freeze
