// SPDX-License-Identifier: Apache-2.0
#include "system/path_rules.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace frostline::system {

namespace {

using Components = std::vector<std::string>;

Components split(std::string_view path)
{
    Components out;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        if (slash != 0) {
            out.emplace_back(path.substr(0, slash));
        }
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return out;
}

/// As a glob is matched, with components for characters: on a mismatch the last `**` takes one
/// component more. Never worse than the product of the two lengths.
bool match(const Components& pattern, const Components& path)
{
    struct Retry {
        std::size_t pattern;
        std::size_t path;
    };
    std::optional<Retry> retry;
    std::size_t p = 0;
    std::size_t at = 0;
    while (at < path.size()) {
        if (p < pattern.size() && pattern[p] == "**") {
            if (p + 1 == pattern.size()) {
                return true; // at least one component is left
            }
            retry = Retry{++p, at};
        } else if (p < pattern.size() && ::fnmatch(pattern[p].c_str(), path[at].c_str(), 0) == 0) {
            ++p;
            ++at;
        } else if (retry) {
            p = retry->pattern;
            at = ++retry->path;
        } else {
            return false;
        }
    }
    return p == pattern.size();
}

} // namespace

bool PathRules::allow(std::string_view path) const
{
    const Components components = split(path);
    return !path.empty() && path.front() == '/' &&
           std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
               return match(split(pattern), components);
           });
}

} // namespace frostline::system
