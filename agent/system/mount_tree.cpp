// SPDX-License-Identifier: Apache-2.0
#include "system/mount_tree.hpp"

#include <algorithm>

namespace frostline::system {

namespace {

/// Whether `path` is `directory` or lies below it.
bool lies_in(std::string_view path, std::string_view directory)
{
    if (directory == "/") {
        return !path.empty() && path.front() == '/';
    }
    return path.substr(0, directory.size()) == directory &&
           (path.size() == directory.size() || path[directory.size()] == '/');
}

} // namespace

MountTree::MountTree(const std::vector<Mount>& mounts) : mounts_(mounts)
{
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        by_id_[mounts[i].id] = i;
        if (mounts[i].parent_id != mounts[i].id) {
            children_[mounts[i].parent_id].push_back(i);
        }
    }
}

bool MountTree::hidden_below(std::size_t ancestor, std::optional<std::size_t> child) const
{
    const auto found = children_.find(mounts_[ancestor].id);
    if (found == children_.end()) {
        return false;
    }
    return std::any_of(found->second.begin(), found->second.end(), [&](std::size_t other) {
        const std::string& covers = mounts_[other].mount_point;
        if (!child) {
            return covers == mounts_[ancestor].mount_point; // mounted on top of its root
        }
        const std::string& wanted = mounts_[*child].mount_point;
        return other != *child && covers != wanted && lies_in(wanted, covers);
    });
}

bool MountTree::visible(std::size_t index) const
{
    std::optional<std::size_t> child;
    std::size_t here = index;
    for (std::size_t steps = 0; steps <= mounts_.size(); ++steps) {
        if (hidden_below(here, child)) {
            return false;
        }
        const auto parent = by_id_.find(mounts_[here].parent_id);
        if (parent == by_id_.end() || parent->second == here) {
            return true;
        }
        child = here;
        here = parent->second;
    }
    return false; // a loop in the table: believe nothing
}

std::optional<std::size_t> MountTree::at(std::string_view path) const
{
    for (std::size_t i = mounts_.size(); i-- > 0;) {
        if (mounts_[i].mount_point == path && visible(i)) {
            return i;
        }
    }
    return std::nullopt;
}

std::optional<std::size_t> MountTree::holding(std::string_view path) const
{
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < mounts_.size(); ++i) {
        if (lies_in(path, mounts_[i].mount_point) && visible(i) &&
            (!best || mounts_[i].mount_point.size() >= mounts_[*best].mount_point.size())) {
            best = i;
        }
    }
    return best;
}

std::string normalise_path(std::string_view path)
{
    std::string result;
    for (const char c : path) {
        if (c != '/' || result.empty() || result.back() != '/') {
            result += c;
        }
    }
    if (result.size() > 1 && result.back() == '/') {
        result.pop_back();
    }
    return result;
}

} // namespace frostline::system
