// SPDX-License-Identifier: Apache-2.0
#include "system/block_mounts.hpp"

#include "system/mount_tree.hpp"

#include <cstddef>
#include <map>

#include <sys/sysmacros.h>

namespace frostline::system {

std::vector<BlockMount> block_mounts(const std::vector<Mount>& mounts,
                                     const DeviceNumber& number_of)
{
    const MountTree tree{mounts};
    std::vector<BlockMount> result;
    std::map<dev_t, std::size_t> known;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        std::optional<dev_t> device = mounts[i].device;
        if (major(mounts[i].device) == 0) {
            device = mounts[i].type == "btrfs" ? number_of(mounts[i].source) : std::nullopt;
        }
        if (!device) {
            continue;
        }
        const auto added = known.emplace(*device, result.size());
        if (added.second) {
            result.push_back({mounts[i], *device, std::nullopt});
        }
        BlockMount& entry = result[added.first->second];
        if (!entry.reachable_at && tree.visible(i)) {
            entry.reachable_at = mounts[i].mount_point;
        }
    }
    return result;
}

} // namespace frostline::system
