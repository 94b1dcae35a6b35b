// SPDX-License-Identifier: Apache-2.0
#include "system/linux_fs_control.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace frostline::system {

namespace {

UniqueFd open_retrying(const char* path, int flags)
{
    int fd = -1;
    do {
        fd = ::open(path, flags | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return UniqueFd{fd};
}

Result<UniqueFd> open_file_mount(const std::string& mount_point)
{
    // O_PATH first: it tells what the file is without any driver noticing.
    const UniqueFd path = open_retrying(mount_point.c_str(), O_PATH | O_NOFOLLOW);
    struct stat info = {};
    if (!path || ::fstat(path.get(), &info) != 0) {
        return fail_errno("opening " + mount_point, errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorKind::unsupported,
                    "opening " + mount_point + ": neither a directory nor a regular file");
    }
    const std::string same = "/proc/self/fd/" + std::to_string(path.get());
    UniqueFd file = open_retrying(same.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) {
        return fail_errno("opening " + mount_point, errno);
    }
    return file;
}

} // namespace

Result<OpenedMount> LinuxFsControl::open_mount(const std::string& mount_point)
{
    OpenedMount opened;
    opened.directory = open_retrying(mount_point.c_str(), O_RDONLY | O_DIRECTORY);
    if (!opened.directory && errno == ENOTDIR) {
        Result<UniqueFd> file = open_file_mount(mount_point);
        if (!file) {
            return fail(std::move(file).error());
        }
        opened.directory = *std::move(file);
    }
    if (!opened.directory) {
        return fail_errno("opening " + mount_point, errno);
    }
    struct statx info = {};
    if (::statx(opened.directory.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID,
                &info) != 0) {
        return fail_errno("asking what is mounted on " + mount_point, errno);
    }
    opened.device = makedev(info.stx_dev_major, info.stx_dev_minor);
    if ((info.stx_mask & STATX_MNT_ID) != 0) {
        opened.mount_id = static_cast<std::int64_t>(info.stx_mnt_id);
    }
    return opened;
}

Result<void> LinuxFsControl::sync(const UniqueFd& directory)
{
    if (::syncfs(directory.get()) != 0) {
        return fail_errno("writing back (syncfs)", errno);
    }
    return {};
}

Result<FreezeOutcome> LinuxFsControl::freeze(const UniqueFd& directory)
{
    int result = -1;
    do {
        result = ::ioctl(directory.get(), FIFREEZE, 0);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return FreezeOutcome::frozen;
    }
    switch (errno) {
    case EBUSY:
        return FreezeOutcome::already_frozen;
    case EOPNOTSUPP:
    case ENOTTY:
        return FreezeOutcome::unsupported;
    default:
        return fail_errno("freezing (FIFREEZE)", errno);
    }
}

Result<ThawOutcome> LinuxFsControl::thaw(const UniqueFd& directory)
{
    int result = -1;
    do {
        result = ::ioctl(directory.get(), FITHAW, 0);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return ThawOutcome::thawed;
    }
    if (errno == EINVAL) {
        return ThawOutcome::not_frozen;
    }
    return fail_errno("thawing (FITHAW)", errno);
}

} // namespace frostline::system
