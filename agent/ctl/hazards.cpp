// SPDX-License-Identifier: Apache-2.0
#include "ctl/hazards.hpp"

#include "common/read_all.hpp"
#include "common/text.hpp"
#include "common/unique_fd.hpp"
#include "ctl/network_disks.hpp"
#include "system/mount_tree.hpp"
#include "system/pseudo_files.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace frostline::ctl {

namespace {

namespace fs = std::filesystem;
using freeze::PlannedFs;

constexpr off_t most_of_a_log = 1 << 19;

/// What the kernel tells; empty also when that goes away in the middle: processes end and
/// descriptors are closed while they are looked at.
std::string content(const fs::path& path)
{
    return system::PseudoFiles{}.read(path).value_or("");
}

/// The end of a log; empty when it cannot be read.
std::string end_of_log(const fs::path& path)
{
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    const off_t size = fd ? ::lseek(fd.get(), 0, SEEK_END) : -1;
    if (size < 0 || ::lseek(fd.get(), std::max<off_t>(0, size - most_of_a_log), SEEK_SET) < 0) {
        return {};
    }
    return read_all(fd, path).value_or("");
}

bool is_number(const std::string& name)
{
    return !name.empty() &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The planned file system that a path lies on; nullptr: none that is frozen.
const PlannedFs* frozen_below(const freeze::Plan& plan, const std::vector<system::Mount>& mounts,
                              const std::string& path)
{
    const auto index = system::MountTree{mounts}.holding(path);
    if (!index) {
        return nullptr;
    }
    const auto found = std::find_if(plan.filesystems.begin(), plan.filesystems.end(),
                                    [&](const PlannedFs& planned) {
                                        return planned.action == freeze::Action::freeze &&
                                               planned.mount.device == mounts[*index].device;
                                    });
    return found != plan.filesystems.end() ? &*found : nullptr;
}

std::vector<std::string> watched(const PermissionListener& listener, const freeze::Plan& plan)
{
    std::vector<std::string> mount_points;
    for (const PlannedFs& planned : plan.filesystems) {
        const bool by_mount =
            std::count(listener.mount_ids.begin(), listener.mount_ids.end(), planned.mount.id) > 0;
        const bool by_device =
            std::count(listener.devices.begin(), listener.devices.end(), planned.mount.device) > 0;
        if (planned.action == freeze::Action::freeze && (by_mount || by_device)) {
            mount_points.push_back(text::printable(planned.mount.mount_point));
        }
    }
    return mount_points;
}

/// One process may have several such descriptors, and one hazard is enough.
void find_listeners(const ScanRoots& roots, const freeze::Plan& plan, std::vector<Hazard>& found)
{
    std::error_code error;
    for (fs::directory_iterator process{roots.proc, error}, end; !error && process != end;
         process.increment(error)) {
        if (!is_number(process->path().filename())) {
            continue;
        }
        std::error_code gone;
        for (fs::directory_iterator fd{process->path() / "fdinfo", gone}; !gone && fd != end;
             fd.increment(gone)) {
            const auto listener = parse_fanotify(content(fd->path()));
            if (!listener) {
                continue;
            }
            const std::vector<std::string> where = watched(*listener, plan);
            const std::string name =
                text::printable(text::trim(content(process->path() / "comm")), 64);
            found.push_back(
                {"fanotify",
                 name + " (process " + process->path().filename().string() +
                     ") is asked before files are opened or read" +
                     (where.empty() ? "" : " on " + text::join(where, ", ")) +
                     ": while it waits for a frozen file system itself, so does everybody else",
                 "keep what it writes, its log and its quarantine, off the frozen file systems, or "
                 "stop it in a hook"});
            break;
        }
    }
}

void find_swap(const ScanRoots& roots, const freeze::Plan& plan,
               const std::vector<system::Mount>& mounts, std::vector<Hazard>& found)
{
    for (const std::string& file : parse_swap_files(content(fs::path{roots.proc} / "swaps"))) {
        if (const PlannedFs* const planned = frozen_below(plan, mounts, file)) {
            found.push_back({"swap-file",
                             "the swap file " + text::printable(file) + " lies on " +
                                 text::printable(planned->mount.mount_point) +
                                 ": it is written to while that is frozen, so the snapshot holds a "
                                 "torn swap space, which nobody may resume from",
                             "swap on a partition or a disk of its own, or leave that out of the "
                             "snapshot"});
        }
    }
}

/// The disk of a file system; for one without a device number of its own (btrfs) that of its
/// source.
dev_t disk_of(const system::Mount& mount)
{
    struct stat status {};
    if (major(mount.device) == 0 && !mount.source.empty() && mount.source.front() == '/' &&
        ::stat(mount.source.c_str(), &status) == 0 && S_ISBLK(status.st_mode)) {
        return status.st_rdev;
    }
    return mount.device;
}

void find_network_disks(const ScanRoots& roots, const freeze::Plan& plan,
                        std::vector<Hazard>& found)
{
    for (const PlannedFs& planned : plan.filesystems) {
        const auto disk = network_disk(roots.sys, disk_of(planned.mount));
        if (disk && planned.action == freeze::Action::freeze) {
            found.push_back({"network-disk",
                             text::printable(planned.mount.mount_point) + " lies on " + *disk +
                                 ": when its server does not answer, writing back before the "
                                 "freeze waits, and the host's snapshot does not hold that disk",
                             "exclude it ([freeze] exclude), unless its storage is snapshotted at "
                             "the same moment"});
        }
    }
}

void find_selinux(const ScanRoots& roots, std::vector<Hazard>& found)
{
    if (text::trim(content(fs::path{roots.sys} / "fs/selinux/enforce")) != "1") {
        return;
    }
    const Denials denials = count_denials(end_of_log(roots.audit_log));
    if (denials.count > 0) {
        found.push_back({"selinux",
                         "SELinux has denied the agent something " + std::to_string(denials.count) +
                             " times, the last time: " + text::printable(denials.last, 300),
                         "load the policy module of the package, or allow what is missing"});
    }
}

} // namespace

std::vector<Hazard> scan_hazards(const ScanRoots& roots, const freeze::Plan& plan,
                                 const std::vector<system::Mount>& mounts)
{
    std::vector<Hazard> found;
    find_listeners(roots, plan, found);
    find_swap(roots, plan, mounts, found);
    find_network_disks(roots, plan, found);
    find_selinux(roots, found);
    return found;
}

} // namespace frostline::ctl
