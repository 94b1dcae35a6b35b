// SPDX-License-Identifier: Apache-2.0
#include "judge.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace {

/// Where a call names a file: the argument with the folder's descriptor (-1: none), and the path's.
struct Name {
    int folder;
    int path;
};

struct PathCall {
    const char* name;
    std::vector<Name> names;
    bool looks_up = false; ///< reads where a name leads and no more
};

const std::map<long, PathCall> path_calls{
    {SYS_openat, {"openat", {{0, 1}}}},
    {SYS_newfstatat, {"newfstatat", {{0, 1}}, true}},
    {SYS_statx, {"statx", {{0, 1}}, true}},
    {SYS_readlinkat, {"readlinkat", {{0, 1}}, true}},
    {SYS_faccessat, {"faccessat", {{0, 1}}, true}},
    {SYS_faccessat2, {"faccessat2", {{0, 1}}, true}},
    {SYS_unlinkat, {"unlinkat", {{0, 1}}}},
    {SYS_mkdirat, {"mkdirat", {{0, 1}}}},
    {SYS_renameat2, {"renameat2", {{0, 1}, {2, 3}}}},
    {SYS_statfs, {"statfs", {{-1, 0}}, true}},
#ifdef SYS_open
    {SYS_open, {"open", {{-1, 0}}}},
    {SYS_stat, {"stat", {{-1, 0}}, true}},
    {SYS_lstat, {"lstat", {{-1, 0}}, true}},
    {SYS_readlink, {"readlink", {{-1, 0}}, true}},
    {SYS_access, {"access", {{-1, 0}}, true}},
    {SYS_unlink, {"unlink", {{-1, 0}}}},
    {SYS_rmdir, {"rmdir", {{-1, 0}}}},
    {SYS_mkdir, {"mkdir", {{-1, 0}}}},
    {SYS_rename, {"rename", {{-1, 0}, {-1, 1}}}},
#endif
};

const std::map<long, const char*> writing_calls{
    {SYS_write, "write"},
    {SYS_writev, "writev"},
    {SYS_pwrite64, "pwrite64"},
};

std::string of_process(pid_t process, const std::string& what)
{
    return "/proc/" + std::to_string(process) + "/" + what;
}

pid_t leader_of(pid_t thread)
{
    std::ifstream status{of_process(thread, "status")};
    for (std::string word; status >> word;) {
        if (word == "Tgid:") {
            pid_t leader = 0;
            status >> leader;
            return leader;
        }
    }
    return 0;
}

std::string text_at(pid_t process, std::uint64_t address)
{
    std::string text;
    std::array<char, 64> piece{};
    while (text.size() < PATH_MAX) {
        // Not beyond a page's end, where nothing may be.
        const std::size_t length = piece.size() - address % piece.size();
        const iovec here{piece.data(), length};
        // The address is the other process's.
        const iovec there{reinterpret_cast<void*>(address), length}; // NOLINT
        const ssize_t got = ::process_vm_readv(process, &here, 1, &there, 1, 0);
        if (got <= 0) {
            break;
        }
        const std::size_t end = ::strnlen(piece.data(), static_cast<std::size_t>(got));
        text.append(piece.data(), end);
        if (end < static_cast<std::size_t>(got)) {
            break;
        }
        address += static_cast<std::uint64_t>(got);
    }
    return text;
}

std::string descriptor(pid_t process, std::uint64_t number)
{
    return of_process(process, "fd/" + std::to_string(static_cast<int>(number)));
}

bool in_memory(const std::string& path)
{
    if (path.rfind("/run/", 0) == 0) {
        return true; // tmpfs in every guest, though perhaps not where this runs
    }
    struct statfs where {};
    if (::statfs(path.c_str(), &where) < 0) {
        const std::size_t slash = path.rfind('/');
        return errno == ENOENT && slash != std::string::npos && slash > 0 &&
               in_memory(path.substr(0, slash));
    }
    return where.f_type == TMPFS_MAGIC || where.f_type == PROC_SUPER_MAGIC ||
           where.f_type == SYSFS_MAGIC;
}

std::optional<std::string> wrong_path(const seccomp_notif& call, const PathCall& known)
{
    const auto process = static_cast<pid_t>(call.pid);
    for (const Name& name : known.names) {
        std::string path = text_at(process, call.data.args[name.path]);
        if (path.empty()) {
            continue; // AT_EMPTY_PATH: of what is open already
        }
        if (path.front() != '/') {
            const bool here =
                name.folder < 0 || static_cast<int>(call.data.args[name.folder]) == AT_FDCWD;
            path = (here ? of_process(process, "cwd")
                         : descriptor(process, call.data.args[name.folder])) +
                   "/" + path;
        } else if (path.rfind("/proc/self/", 0) == 0) {
            path = of_process(process, path.substr(sizeof "/proc/self/" - 1));
        }
        if (!in_memory(path)) {
            return std::string{known.name} + " " + path;
        }
    }
    return std::nullopt;
}

std::optional<std::string> wrong_write(const seccomp_notif& call, const char* name)
{
    const std::string path = descriptor(static_cast<pid_t>(call.pid), call.data.args[0]);
    struct stat file {};
    if (::stat(path.c_str(), &file) < 0 || !S_ISREG(file.st_mode) || in_memory(path)) {
        return std::nullopt; // a socket, a pipe, a port, an event: nothing that can be frozen
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size() - 1);
    return std::string{name} + " to " + (length > 0 ? target.data() : path.c_str());
}

} // namespace

std::optional<std::string> Judge::control(const seccomp_notif& call)
{
    const auto request = static_cast<unsigned>(call.data.args[1]);
    if (request != FIFREEZE && request != FITHAW) {
        return frozen_.empty() ? std::nullopt : std::optional{"ioctl " + std::to_string(request)};
    }
    struct stat root {};
    const std::string path = descriptor(static_cast<pid_t>(call.pid), call.data.args[0]);
    if (::stat(path.c_str(), &root) < 0) {
        return "FIFREEZE or FITHAW of something unknown";
    }
    if (request == FIFREEZE) {
        frozen_.insert(root.st_dev);
        ++freezes_;
    } else {
        frozen_.erase(root.st_dev);
    }
    return std::nullopt;
}

std::optional<std::string> Judge::wrong(const seccomp_notif& call)
{
    if (call.data.nr != SYS_ioctl && frozen_.empty()) {
        return std::nullopt;
    }
    if (leader_of(static_cast<pid_t>(call.pid)) != watched_) {
        return std::nullopt;
    }
    if (call.data.nr == SYS_ioctl) {
        return control(call);
    }
    if (const auto found = writing_calls.find(call.data.nr); found != writing_calls.end()) {
        return wrong_write(call, found->second);
    }
    if (const auto found = path_calls.find(call.data.nr); found != path_calls.end()) {
        const bool only_path =
            call.data.nr == SYS_openat && (call.data.args[2] & static_cast<unsigned>(O_PATH)) != 0;
        if (lookups_allowed_ && (found->second.looks_up || only_path)) {
            return std::nullopt;
        }
        return wrong_path(call, found->second);
    }
    return "system call number " + std::to_string(call.data.nr);
}
