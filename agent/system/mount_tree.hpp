// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/mount_table.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::system {

/// The mount table as a tree: which mounts a path can reach, and on which one a path lies. Pure:
/// decided from the table alone, since touching a mount point may block. The table must outlive it.
class MountTree {
public:
    explicit MountTree(const std::vector<Mount>& mounts);

    /// False when a later mount covers the mount point or a directory on the way to it: opening
    /// that path would then open another file system.
    [[nodiscard]] bool visible(std::size_t index) const;
    /// The visible mount whose mount point is exactly `path`; nullopt when there is none.
    [[nodiscard]] std::optional<std::size_t> at(std::string_view path) const;
    /// The visible mount that `path` (absolute, need not exist) lies on.
    [[nodiscard]] std::optional<std::size_t> holding(std::string_view path) const;

private:
    [[nodiscard]] bool hidden_below(std::size_t ancestor, std::optional<std::size_t> child) const;

    const std::vector<Mount>& mounts_;
    std::map<int, std::size_t> by_id_;
    std::map<int, std::vector<std::size_t>> children_; ///< by parent's id
};

/// Without trailing and doubled slashes; "/" stays.
[[nodiscard]] std::string normalise_path(std::string_view path);

} // namespace frostline::system
