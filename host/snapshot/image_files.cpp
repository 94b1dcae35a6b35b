// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/image_files.hpp"

#include "common/read_all.hpp"
#include "common/unique_fd.hpp"
#include "host/io/child.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace frostline::host {

namespace {

Result<UniqueFd> create_new(const std::string& path, mode_t mode)
{
    UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
    if (!file) {
        if (errno == EEXIST) {
            return fail(ErrorKind::busy,
                        path + ": the file exists already; choose another --name or remove it");
        }
        return fail_errno("create " + path, errno);
    }
    return file;
}

Result<void> write_all(int descriptor, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return fail_errno("write", errno);
        }
        text.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
    if (::fsync(descriptor) != 0) {
        return fail_errno("write", errno);
    }
    return {};
}

/// The hypervisor opens the overlay with the rights with which it opened the base.
Result<void> copy_access(const std::string& base, const std::string& path, int descriptor)
{
    struct stat info = {};
    if (::stat(base.c_str(), &info) != 0) {
        return fail_errno("look at " + base, errno);
    }
    if ((info.st_uid != ::geteuid() || info.st_gid != ::getegid()) &&
        ::fchown(descriptor, info.st_uid, info.st_gid) != 0 && ::geteuid() == 0) {
        return fail_errno("give " + path + " to the owner of " + base, errno);
    }
    // A block device's group and mode say nothing about what a file should have.
    if (S_ISREG(info.st_mode) && ::fchmod(descriptor, info.st_mode & 0777) != 0) {
        return fail_errno("set the permissions of " + path, errno);
    }
    return {};
}

} // namespace

Result<void> LocalImageFiles::create(const std::string& path, const std::string& access_of,
                                     const std::vector<std::string>& backing, std::uint64_t size,
                                     TimePoint until)
{
    // Claim the name first: qemu-img would overwrite whatever is there.
    const Result<UniqueFd> file = create_new(path, 0600);
    if (!file) {
        return fail(file.error());
    }
    std::vector<std::string> command{"qemu-img", "create", "-q", "-f", "qcow2"};
    command.insert(command.end(), backing.begin(), backing.end());
    command.push_back(path);
    command.push_back(std::to_string(size));
    Result<void> made = run_program(command, waiter_, until);
    if (made) {
        made = copy_access(access_of, path, file->get());
    }
    if (!made) {
        ::unlink(path.c_str());
        return fail(std::move(made).error().with_context("create " + path));
    }
    return {};
}

Result<void> LocalImageFiles::create_overlay(const std::string& path, const std::string& base,
                                             const std::string& format, std::uint64_t size,
                                             TimePoint until)
{
    // -u: the base is not opened, its size is given. It is the guest's live disk.
    return create(path, base, {"-u", "-b", base, "-F", format}, size, until);
}

Result<void> LocalImageFiles::create_image(const std::string& path, const std::string& base,
                                           const std::string& parent, std::uint64_t size,
                                           TimePoint until)
{
    const std::vector<std::string> backing =
        parent.empty() ? std::vector<std::string>{}
                       : std::vector<std::string>{"-u", "-b", parent, "-F", "qcow2"};
    return create(path, base, backing, size, until);
}

Result<std::vector<std::string>> LocalImageFiles::list(const std::string& directory,
                                                       const std::string& ending)
{
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry{directory, error}, end; !error && entry != end;
         entry.increment(error)) {
        std::string name = entry->path().filename().string();
        if (name.size() > ending.size() &&
            name.compare(name.size() - ending.size(), ending.size(), ending) == 0) {
            names.push_back(std::move(name));
        }
    }
    if (error) {
        return fail(ErrorKind::io, "look into " + directory + ": " + error.message());
    }
    return names;
}

std::uint64_t LocalImageFiles::allocated(const std::string& path)
{
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return 0;
    }
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

Result<std::uint64_t> LocalImageFiles::free_space(const std::string& directory)
{
    struct statvfs info = {};
    if (::statvfs(directory.c_str(), &info) != 0) {
        return fail_errno("look at " + directory, errno);
    }
    return std::uint64_t{info.f_bavail} * info.f_frsize;
}

bool LocalImageFiles::exists(const std::string& path)
{
    struct stat info = {};
    return ::lstat(path.c_str(), &info) == 0;
}

Result<void> LocalImageFiles::claim(const std::string& path)
{
    const Result<UniqueFd> file = create_new(path, 0644);
    if (!file) {
        return fail(file.error());
    }
    return {};
}

Result<void> LocalImageFiles::replace(const std::string& path, const std::string& text)
{
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    const Result<UniqueFd> file = create_new(fresh, 0644);
    if (!file) {
        return fail(file.error());
    }
    if (Result<void> written = write_all(file->get(), text); !written) {
        ::unlink(fresh.c_str());
        return fail(std::move(written).error().with_context(path));
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) {
        return fail_errno("rename " + fresh + " to " + path, errno);
    }
    return {};
}

Result<std::string> LocalImageFiles::read(const std::string& path)
{
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!file) {
        return fail_errno("open " + path, errno);
    }
    return read_all(file, path);
}

bool LocalImageFiles::trusted(const std::string& path)
{
    struct stat info = {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           (info.st_uid == 0 || info.st_uid == ::geteuid()) &&
           (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Result<void> LocalImageFiles::remove(const std::string& path)
{
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail_errno("remove " + path, errno);
    }
    return {};
}

} // namespace frostline::host
