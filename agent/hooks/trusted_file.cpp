// SPDX-License-Identifier: Apache-2.0
#include "hooks/trusted_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

namespace frostline::hooks {

namespace {

bool ours(uid_t owner)
{
    return owner == 0 || owner == ::geteuid();
}

/// What keeps `status` from being trusted; empty: nothing.
std::string objection(const struct stat& status, bool sticky_is_fine)
{
    if (!ours(status.st_uid)) {
        return "not owned by root (chown root it)";
    }
    const bool writable = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    const bool sticky = (status.st_mode & S_ISVTX) != 0;
    if (writable && !(sticky && sticky_is_fine)) {
        return "writable by group or others (chmod go-w it)";
    }
    return {};
}

/// The folders from the one that holds `path` up to the root.
Result<void> check_folders(const std::string& path)
{
    bool direct = true;
    for (std::size_t slash = path.rfind('/'); slash != std::string::npos;
         slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
        const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
        struct stat status {};
        if (::lstat(folder.c_str(), &status) != 0) {
            return fail_errno(folder + ": cannot look at it", errno);
        }
        if (const std::string why = objection(status, !direct); !why.empty()) {
            return fail(ErrorKind::permission, "its folder " + folder + " is " + why);
        }
        direct = false;
    }
    return {};
}

} // namespace

Result<TrustedFile> open_trusted(const std::string& path)
{
    TrustedFile file;
    file.fd.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file.fd) {
        return fail_errno(path + ": cannot open", errno);
    }
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0) {
        return fail_errno(path + ": cannot look at it", errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorKind::invalid_argument, path + ": not a regular file");
    }
    if (const std::string why = objection(status, false); !why.empty()) {
        return fail(ErrorKind::permission, path + ": " + why);
    }
    std::array<char, PATH_MAX> real{};
    const std::string link = "/proc/self/fd/" + std::to_string(file.fd.get());
    const ssize_t length = ::readlink(link.c_str(), real.data(), real.size());
    if (length <= 0 || static_cast<std::size_t>(length) >= real.size() || real[0] != '/') {
        return fail(ErrorKind::io, path + ": cannot find out where it really is");
    }
    file.real_path.assign(real.data(), static_cast<std::size_t>(length));
    // Both ways to it: whoever can change the link could lead it elsewhere.
    for (const std::string& way : {file.real_path, path}) {
        if (const Result<void> checked = check_folders(way); !checked) {
            return fail(checked.error().with_context(path));
        }
    }
    file.executable = (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    return file;
}

} // namespace frostline::hooks
