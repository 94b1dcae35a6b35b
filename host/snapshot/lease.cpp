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

Result<UniqueFd> lock(const std::string& path, const std::string& socket)
{
    UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)};
    if (!file) {
        Failure failure = fail_errno("open the lock file " + path, errno);
        return fail(Error{failure.error.kind(),
                          failure.error.message() + "; choose another folder with --lease-dir",
                          failure.error.os_error()});
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

Result<Lease> Lease::take(const std::string& directory, const std::vector<std::string>& sockets)
{
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
        Failure failure = fail_errno("make the lock folder " + directory, errno);
        return fail(Error{failure.error.kind(),
                          failure.error.message() + "; choose another folder with --lease-dir",
                          failure.error.os_error()});
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
