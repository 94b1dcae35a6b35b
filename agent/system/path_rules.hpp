// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::system {

/// Which paths may be used: patterns of absolute paths. Within one component they are those of
/// fnmatch(3), without a special place for a leading dot; a component `**` stands for any number
/// of components, at the end for at least one. They are compared with real paths, so a pattern
/// that goes through a symbolic link matches nothing. Any thread.
class PathRules {
public:
    explicit PathRules(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

    /// `path` is absolute, without ".", ".." and symbolic links.
    [[nodiscard]] bool allow(std::string_view path) const;

private:
    std::vector<std::string> patterns_;
};

/// Null: everything is allowed.
using SharedPathRules = std::shared_ptr<const PathRules>;

} // namespace frostline::system
