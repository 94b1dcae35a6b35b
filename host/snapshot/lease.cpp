// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/lease.hpp"

#include "common/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace frostline::host {

namespace {

std::string canonical(const std::string& path)
{
    struct Free {
        void operator()(char* text) const noexcept { std::free(text); }
    };
    const std::unique_ptr<char, Free> real{::realpath(path.c_str(), nullptr)};
    return real ? std::string{real.get()} : path;
}

/// A path as one file name. Long ones keep their end and get a number that stands for the whole.
std::string lock_name(const std::string& path)
{
    std::string name;
    for (const char letter : path) {
        name += letter == '/' ? '%' : letter;
    }
    constexpr std::size_t longest = 150;
    if (name.size() > longest) {
        name = std::to_string(std::hash<std::string>{}(path)) + name.substr(name.size() - longest);
    }
    return name + ".lock";
}

std::string holder(int descriptor)
{
    std::array<char, 32> content{};
    const ssize_t got = ::pread(descriptor, content.data(), content.size(), 0);
    if (got <= 0) {
        return "another frostline";
    }
    const std::string_view text{content.data(), static_cast<std::size_t>(got)};
    return "frostline process " + text::printable(text::trim(text), 20);
}

Failure elsewhere(Error error)
{
    return fail(Error{error.kind(), error.message() + "; choose another folder with --lease-dir",
                      error.os_error()});
}

/// Makes the folder, or makes sure that nobody else can exchange what lies in it: whoever does
/// could let two runs meet, or have us write into a file of ours that isn't a lock.
Result<void> prepare_folder(const std::string& directory)
{
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
        return elsewhere(fail_errno("make the lock folder " + directory, errno).error);
    }
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) {
        return elsewhere(fail_errno("look at the lock folder " + directory, errno).error);
    }
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        return elsewhere(Error{ErrorKind::permission, "the lock folder " + directory +
                                                          " belongs to another user (" +
                                                          std::to_string(status.st_uid) + ")"});
    }
    if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) {
        return elsewhere(
            Error{ErrorKind::permission, "everybody may write in the lock folder " + directory});
    }
    return {};
}

Result<UniqueFd> lock(const std::string& path, const std::string& socket)
{
    UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)};
    if (!file) {
        return elsewhere(fail_errno("open the lock file " + path, errno).error);
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fail_errno("lock " + path, errno);
        }
        return fail(ErrorKind::busy, "the guest at " + socket + " is being worked on by " +
                                         holder(file.get()) + "; try again when it has ended");
    }
    const std::string content = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), content.data(), content.size(), 0) < 0) {
        return fail_errno("write " + path, errno);
    }
    return file;
}

} // namespace

/// By the first socket: the agent's, which is the same however the guest's QEMU is reached.
std::string Lease::journal_path(const std::string& directory,
                                const std::vector<std::string>& sockets)
{
    std::string name = lock_name(canonical(sockets.front()));
    name.replace(name.rfind(".lock"), std::string::npos, ".journal");
    return directory + "/" + name;
}

Result<Lease> Lease::take(const std::string& directory, const std::vector<std::string>& sockets)
{
    if (Result<void> prepared = prepare_folder(directory); !prepared) {
        return fail(std::move(prepared).error());
    }
    std::vector<std::string> paths;
    for (const std::string& socket : sockets) {
        paths.push_back(canonical(socket));
    }
    // In one order for everybody, so that two runs can't each hold half.
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    Lease lease;
    for (const std::string& path : paths) {
        Result<UniqueFd> locked = lock(directory + "/" + lock_name(path), path);
        if (!locked) {
            return fail(std::move(locked).error());
        }
        lease.locks_.push_back(std::move(*locked));
    }
    return lease;
}

} // namespace frostline::host
