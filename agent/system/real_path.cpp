// SPDX-License-Identifier: Apache-2.0
#include "system/real_path.hpp"

#include <climits>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace frostline::system {

namespace {

bool belongs_to_root_only(const std::string& path)
{
    struct stat status {};
    // With an access list the group's bits are its mask (acl(5)), so they cover every entry.
    return ::lstat(path.c_str(), &status) == 0 && status.st_uid == 0 && !S_ISLNK(status.st_mode) &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

} // namespace

std::string path_of_descriptor(int fd)
{
    return "/proc/self/fd/" + std::to_string(fd);
}

Result<std::string> real_path(int fd)
{
    std::array<char, PATH_MAX> buffer{};
    const ssize_t length = ::readlink(path_of_descriptor(fd).c_str(), buffer.data(), buffer.size());
    if (length < 0) {
        return fail_errno("cannot tell where it is", errno);
    }
    if (static_cast<std::size_t>(length) == buffer.size()) {
        return fail_errno("cannot tell where it is", ENAMETOOLONG);
    }
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        return fail_errno("cannot look at it", errno);
    }
    if (buffer.front() != '/' || status.st_nlink == 0) {
        return fail(ErrorKind::permission, "it has no path");
    }
    return std::string{buffer.data(), static_cast<std::size_t>(length)};
}

bool only_root_can_change(const std::string& path)
{
    for (std::size_t end = 0; end != std::string::npos;) {
        end = path.find('/', end + 1);
        if (!belongs_to_root_only(path.substr(0, end))) {
            return false;
        }
    }
    return belongs_to_root_only("/");
}

} // namespace frostline::system
