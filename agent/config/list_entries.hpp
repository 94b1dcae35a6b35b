// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frostline::config {

/// qemu-ga's command lists: parts between commas, kept as they are, empty ones left out. A ';'
/// stays inside its part so that --dump-conf gives back what was written; the policy splits it.
[[nodiscard]] inline std::vector<std::string> list_entries(std::string_view list)
{
    std::vector<std::string> entries;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (const std::string_view entry = list.substr(0, comma); !entry.empty()) {
            entries.emplace_back(entry);
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return entries;
}

} // namespace frostline::config
