// SPDX-License-Identifier: Apache-2.0
#include "hooks/planned_hook.hpp"

#include "hooks/workspace.hpp"
#include "system/identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string_view>

namespace frostline::hooks {

namespace {

/// Where a path is: which file system, and by which mount.
struct Place {
    dev_t device = 0;
    std::uint64_t mount = 0; ///< 0: the kernel does not say (before 5.8)
};

std::optional<Place> place_of(const std::string& path)
{
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &status) !=
        0) {
        return std::nullopt;
    }
    Place place;
    place.device = ::makedev(status.stx_dev_major, status.stx_dev_minor);
    place.mount = (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0;
    return place;
}

std::optional<Place> place_of_existing_part(std::string path)
{
    for (;;) {
        if (const std::optional<Place> place = place_of(path)) {
            return place;
        }
        const std::size_t slash = path.rfind('/');
        if (slash == std::string::npos || path == "/") {
            return std::nullopt;
        }
        path.resize(std::max<std::size_t>(slash, 1));
    }
}

std::string_view phase_name(HookPhase phase)
{
    switch (phase) {
    case HookPhase::check:
        return "check";
    case HookPhase::freeze:
        return "freeze";
    case HookPhase::hold:
        return "hold";
    case HookPhase::thaw:
        break;
    }
    return "thaw";
}

std::string_view outcome_name(Outcome outcome)
{
    switch (outcome) {
    case Outcome::consistent:
        return "consistent";
    case Outcome::aborted:
        return "aborted";
    case Outcome::expired:
        break;
    }
    return "expired";
}

} // namespace

Result<PlannedHook> plan_hook(const Hook& hook, const std::string& run_directory)
{
    PlannedHook planned;
    planned.hook = hook;
    if (!hook.user.empty()) {
        Result<system::Identity> identity = system::find_user(hook.user);
        if (!identity) {
            return fail(std::move(identity).error().with_context(hook.path + ": [Hook] User"));
        }
        planned.identity = std::move(*identity);
    }
    Result<std::string> folder = make_hook_folder(run_directory, hook.name, planned.identity);
    if (!folder) {
        return fail(std::move(folder).error().with_context("hook " + hook.name));
    }
    planned.folder = std::move(*folder);
    return planned;
}

system::ChildSpec child_spec(const PlannedHook& planned, HookPhase phase,
                             const CallContext& context)
{
    const std::string name{phase_name(phase)};
    system::ChildSpec spec;
    spec.arguments = {planned.hook.program, name};
    spec.environment = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C",
        "HOME=" + planned.folder,
        "TMPDIR=" + planned.folder,
        "PYTHONDONTWRITEBYTECODE=1", // a .pyc written while frozen would hang the hook
        "FROSTLINE_PHASE=" + name,
        "FROSTLINE_FREEZE_ID=" + context.freeze_id,
        "FROSTLINE_HOOK=" + planned.hook.name,
        "FROSTLINE_TIMEOUT_MS=" + std::to_string(context.limit.count()),
    };
    if (!context.mount_list.empty()) {
        spec.environment.push_back("FROSTLINE_MOUNTS=" + context.mount_list);
    }
    if (context.outcome) {
        spec.environment.push_back("FROSTLINE_OUTCOME=" +
                                   std::string{outcome_name(*context.outcome)});
    }
    for (const std::string& entry : planned.hook.environment) {
        const std::string key = entry.substr(0, entry.find('=') + 1);
        std::erase_if(spec.environment, [&key](const std::string& ours) {
            return ours.compare(0, key.size(), key) == 0;
        });
        spec.environment.push_back(entry);
    }
    spec.directory = planned.folder;
    spec.identity = planned.identity;
    spec.limit = context.limit;
    spec.stdin_pipe = phase == HookPhase::hold;
    // A session is what it holds: nothing of it may stay behind and hold on. A one-shot hook may
    // leave something running between its freeze and its thaw, as qemu-ga's sample hooks do.
    spec.kill_leftovers = phase == HookPhase::hold;
    return spec;
}

namespace {

/// Whether `path` is `folder` or below it.
bool below(const std::string& path, const std::string& folder)
{
    return path.compare(0, folder.size(), folder) == 0 &&
           (path.size() == folder.size() || folder.back() == '/' || path[folder.size()] == '/');
}

/// Length of the longest of `folders` that `path` is below.
std::size_t longest_above(const std::string& path, const std::vector<std::string>& folders)
{
    std::size_t longest = 0;
    for (const std::string& folder : folders) {
        if (!folder.empty() && below(path, folder)) {
            longest = std::max(longest, folder.size());
        }
    }
    return longest;
}

} // namespace

bool concerned(const Hook& hook, const QuiesceRequest& request)
{
    if (hook.filesystems.empty()) {
        return true;
    }
    std::vector<std::uint64_t> mounts;
    for (const std::string& mount_point : request.mount_points) {
        if (const std::optional<Place> place = place_of(mount_point); place && place->mount != 0) {
            mounts.push_back(place->mount);
        }
    }
    return std::any_of(
        hook.filesystems.begin(), hook.filesystems.end(), [&](const std::string& path) {
            // Looking at it could wait for a server that is gone; and it isn't frozen anyway.
            if (longest_above(path, request.remote) > longest_above(path, request.mount_points)) {
                return false;
            }
            const std::optional<Place> place = place_of_existing_part(path);
            // The device says it for bind mounts; the mount for btrfs, whose subvolumes have
            // device numbers of their own.
            return place && (std::find(request.devices.begin(), request.devices.end(),
                                       place->device) != request.devices.end() ||
                             std::find(mounts.begin(), mounts.end(), place->mount) != mounts.end());
        });
}

} // namespace frostline::hooks
