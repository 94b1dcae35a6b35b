// SPDX-License-Identifier: Apache-2.0
#include "system/authorized_keys_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace frostline::system {

namespace {

constexpr const char* file_name = "authorized_keys";

Failure cannot(const std::string& what, const std::string& path, int code)
{
    return fail_errno("failed to " + what + " '" + path + "'", code);
}

/// Gives it the process' own group where a set-group-id folder gave it another one.
bool own_group(int fd)
{
    struct stat status {};
    return ::fstat(fd, &status) == 0 &&
           (status.st_gid == ::getegid() || ::fchown(fd, static_cast<uid_t>(-1), ::getegid()) == 0);
}

bool write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

std::string temporary_name()
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, 8> bytes{};
    // A failure leaves a name that may exist, which O_EXCL finds out.
    [[maybe_unused]] const int ignored = ::getentropy(bytes.data(), bytes.size());
    std::string name = std::string{"."} + file_name + ".";
    for (const unsigned char byte : bytes) {
        name += digits[byte >> 4U];
        name += digits[byte & 0xFU];
    }
    return name;
}

} // namespace

AuthorizedKeysFile::AuthorizedKeysFile(const std::string& home)
    : folder_(home + "/.ssh"), path_(folder_ + "/" + file_name)
{}

Result<std::string> AuthorizedKeysFile::read() const
{
    // Without O_NONBLOCK a FIFO put here would hold us up for ever.
    const UniqueFd file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!file) {
        return fail_errno("failed to read '" + path_ + "': Failed to open file “" + path_ + "”",
                          errno);
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        return cannot("read", path_, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorKind::invalid_argument,
                    "failed to read '" + path_ + "': it is not a regular file");
    }
    std::string text;
    std::array<char, 8192> buffer{};
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cannot("read", path_, errno);
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > largest_keys_file) {
            return fail(ErrorKind::invalid_argument,
                        "failed to read '" + path_ + "': it is larger than 1 MiB");
        }
    }
}

Result<UniqueFd> AuthorizedKeysFile::make_folder() const
{
    const bool made = ::mkdir(folder_.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) {
        return cannot("create directory", folder_, errno);
    }
    UniqueFd folder{::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) {
        return cannot("create directory", folder_, errno);
    }
    if (made && !own_group(folder.get())) {
        return cannot("set ownership of directory", folder_, errno);
    }
    if (made && ::fchmod(folder.get(), 0700) != 0) { // a default ACL may have given more
        return cannot("set permissions of directory", folder_, errno);
    }
    return folder;
}

Result<void> AuthorizedKeysFile::write(int folder, const std::string& name,
                                       std::string_view text) const
{
    const UniqueFd file{
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file) {
        return cannot("write to", path_, errno);
    }
    Result<void> done;
    if (!own_group(file.get())) {
        done = cannot("set ownership of", path_, errno);
    } else if (::fchmod(file.get(), 0600) != 0) {
        done = cannot("set permissions of", path_, errno);
    } else if (!write_all(file.get(), text) || ::fsync(file.get()) != 0 ||
               ::renameat(folder, name.c_str(), folder, file_name) != 0) {
        done = cannot("write to", path_, errno);
    }
    if (!done) {
        ::unlinkat(folder, name.c_str(), 0);
    }
    return done;
}

Result<void> AuthorizedKeysFile::replace(std::string_view text) const
{
    if (text.size() > largest_keys_file) {
        return fail(ErrorKind::invalid_argument,
                    "failed to write to '" + path_ + "': it would be larger than 1 MiB");
    }
    const Result<UniqueFd> folder = make_folder();
    if (!folder) {
        return fail(folder.error());
    }
    Result<void> done = write(folder->get(), temporary_name(), text);
    if (done) {
        ::fsync(folder->get()); // the file is whole in any case; this makes its name last
    }
    return done;
}

} // namespace frostline::system
