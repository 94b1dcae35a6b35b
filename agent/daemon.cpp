// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace frostline {

namespace {

bool same_file(int fd, const std::string& path)
{
    struct stat opened {};
    struct stat named {};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Result<UniqueFd> open_locked(const std::string& path)
{
    constexpr int tries = 10;
    for (int turn = 0; turn < tries; ++turn) {
        UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!file) {
            return fail_errno("Cannot open pid file " + path, errno);
        }
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        if (::fcntl(file.get(), F_SETLK, &lock) < 0) {
            return fail_errno("Cannot lock pid file " + path + " (is another agent running?)",
                              errno);
        }
        // An agent that ended in between has removed the file whose lock this is.
        if (same_file(file.get(), path)) {
            return file;
        }
    }
    return fail(ErrorKind::busy, "Cannot lock pid file " + path + ": it changes all the time");
}

} // namespace

Result<Daemon> Daemon::fork()
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) < 0) {
        return fail_errno("cannot go into the background", errno);
    }
    UniqueFd read_end{ends[0]};
    UniqueFd write_end{ends[1]};
    const pid_t child = ::fork();
    if (child < 0) {
        return fail_errno("cannot go into the background", errno);
    }
    if (child == 0) {
        return Daemon{std::move(write_end)};
    }
    write_end.reset();
    char byte = 0;
    ssize_t got = -1;
    do {
        got = ::read(read_end.get(), &byte, 1);
    } while (got < 0 && errno == EINTR);
    ::_exit(got == 1 ? 0 : 1);
}

Result<void> Daemon::lock_pid_file(const std::string& path)
{
    Result<UniqueFd> locked = open_locked(path);
    if (!locked) {
        return fail(std::move(locked).error());
    }
    UniqueFd file = std::move(locked).value();
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) < 0 ||
        ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return fail_errno("Cannot write pid file " + path, errno);
    }
    pid_file_ = std::move(file);
    pid_path_ = path;
    return {};
}

Result<void> Daemon::ready()
{
    const UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!null) {
        return fail_errno("cannot open /dev/null", errno);
    }
    ::umask(077);
    ::setsid(); // fails only for a group leader, and a fresh child is none
    if (::chdir("/") < 0) {
        return fail_errno("cannot change to /", errno);
    }
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::dup2(null.get(), fd) < 0) {
            return fail_errno("cannot let go of the terminal", errno);
        }
    }
    const char byte = 1;
    [[maybe_unused]] const ssize_t written = ::write(parent_.get(), &byte, 1);
    parent_.reset();
    return {};
}

Daemon::~Daemon()
{
    if (pid_file_) {
        ::unlink(pid_path_.c_str());
    }
}

} // namespace frostline
