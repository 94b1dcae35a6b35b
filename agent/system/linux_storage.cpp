// SPDX-License-Identifier: Apache-2.0
#include "system/linux_storage.hpp"

#include "common/unique_fd.hpp"
#include "system/sysfs_files.hpp"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace frostline::system {

namespace {

constexpr const char* disk_stats_file = "/proc/diskstats";

constexpr std::uint8_t nvme_get_log_page = 0x02;
constexpr std::uint32_t nvme_all_namespaces = 0xffffffff;
constexpr std::uint32_t nvme_smart_log = 0x02;
constexpr std::uint32_t nvme_retain_events = 1U << 15U; // reading the log must not clear warnings

UniqueFd open_for_reading(const std::string& path, int flags = 0)
{
    int fd = -1;
    do {
        fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
    } while (fd < 0 && errno == EINTR);
    return UniqueFd{fd};
}

std::optional<dev_t> number_of_node(const std::string& path)
{
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISBLK(info.st_mode)) {
        return std::nullopt;
    }
    return info.st_rdev;
}

} // namespace

Result<std::vector<BlockMount>> LinuxStorage::mounts()
{
    const Result<std::vector<Mount>> mounts = table_.read();
    if (!mounts) {
        return fail(mounts.error());
    }
    return block_mounts(*mounts, number_of_node);
}

MountedDevice LinuxStorage::below(const BlockMount& mount)
{
    return devices_.below(mount);
}

Result<std::vector<BlockDevice>> LinuxStorage::devices()
{
    return devices_.all();
}

Result<std::vector<DiskStats>> LinuxStorage::stats()
{
    if (!open_for_reading(disk_stats_file)) {
        return fail_errno(std::string{"open(\""} + disk_stats_file + "\")", errno);
    }
    return parse_disk_stats(attribute(disk_stats_file));
}

Result<FsSpace> LinuxStorage::space(const std::string& mount_point)
{
    struct statvfs info = {};
    if (::statvfs(mount_point.c_str(), &info) != 0) {
        return fail_errno("asking how full " + mount_point + " is", errno);
    }
    FsSpace space;
    space.used = (info.f_blocks - info.f_bfree) * info.f_frsize;
    space.total = space.used + info.f_bavail * info.f_frsize;
    space.total_privileged = info.f_blocks * info.f_frsize;
    return space;
}

Result<NvmeSmart> LinuxStorage::smart(const std::string& node)
{
    const UniqueFd disk = open_for_reading(node, O_NONBLOCK);
    if (!disk) {
        return fail_errno("opening " + node, errno);
    }
    NvmeSmartPage page{};
    nvme_admin_cmd command{};
    command.opcode = nvme_get_log_page;
    command.nsid = nvme_all_namespaces;
    command.addr = reinterpret_cast<std::uintptr_t>(page.data());
    command.data_len = page.size();
    const std::uint32_t last_dword = page.size() / sizeof(std::uint32_t) - 1;
    command.cdw10 = last_dword << 16U | nvme_retain_events | nvme_smart_log;
    const int status = ::ioctl(disk.get(), NVME_IOCTL_ADMIN_CMD, &command);
    if (status < 0) {
        return fail_errno("asking " + node + " for its health", errno);
    }
    if (status > 0) {
        return fail(ErrorKind::unsupported,
                    "asking " + node + " for its health: NVMe status " + std::to_string(status));
    }
    return parse_nvme_smart(page);
}

Result<Trimmed> LinuxStorage::trim(const std::string& mount_point, std::uint64_t minimum)
{
    // A file may be a mount point, too, and some files would wait for a partner.
    const UniqueFd directory = open_for_reading(mount_point, O_NONBLOCK | O_NOCTTY);
    if (!directory) {
        return fail_errno("failed to open", errno);
    }
    fstrim_range range{};
    range.len = std::numeric_limits<std::uint64_t>::max();
    range.minlen = minimum;
    if (::ioctl(directory.get(), FITRIM, &range) != 0) {
        if (errno == ENOTTY || errno == EOPNOTSUPP) {
            return fail(ErrorKind::unsupported, "trim not supported", errno);
        }
        return fail_errno("failed to trim", errno);
    }
    return Trimmed{range.len, range.minlen};
}

} // namespace frostline::system
