// SPDX-License-Identifier: Apache-2.0
#include "freeze/read_plan.hpp"

#include "freeze/fs_kind.hpp"

#include <utility>

namespace frostline::freeze {

Result<Plan> read_and_plan(system::MountTable& table, system::BlockLayers& layers,
                           const Settings& settings, const Request& request)
{
    Result<std::vector<system::Mount>> mounts = table.read();
    if (!mounts) {
        return fail(std::move(mounts).error());
    }
    BackingFiles backing;
    for (const system::Mount& mount : *mounts) {
        if (classify(mount) == FsKind::freezable && backing.count(mount.device) == 0) {
            Result<std::vector<system::BackingFile>> files = layers.backing_files(mount);
            if (!files) {
                return fail(std::move(files).error().with_context(mount.mount_point));
            }
            backing[mount.device] = *std::move(files);
        }
    }
    return make_plan(*mounts, backing, settings, request);
}

} // namespace frostline::freeze
