// SPDX-License-Identifier: Apache-2.0
#include "system/file_io.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace frostline::system {

namespace {

constexpr std::size_t usual_chunk = 65536;

/// How much room to begin with: what a file of known size still has, and one byte to see its end.
std::size_t first_room(int fd, std::size_t count)
{
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        const off_t position = ::lseek(fd, 0, SEEK_CUR);
        if (position >= 0 && position < status.st_size) {
            return std::min(count, static_cast<std::size_t>(status.st_size - position) + 1);
        }
    }
    return std::min(count, usual_chunk);
}

} // namespace

Result<FileBytes> read_file(int fd, std::size_t count)
{
    FileBytes out;
    std::size_t have = 0;
    out.bytes.resize(first_room(fd, count));
    while (have < count) {
        if (have == out.bytes.size()) { // it has grown, or never told its size
            out.bytes.resize(std::min(count, std::max(2 * have, usual_chunk)));
        }
        const ssize_t got = ::read(fd, out.bytes.data() + have, out.bytes.size() - have);
        if (got > 0) {
            have += static_cast<std::size_t>(got);
        } else if (got == 0) {
            out.end = true;
            break;
        } else if (errno != EINTR) {
            if (have > 0) {
                break;
            }
            return fail_errno("failed to read file", errno);
        }
    }
    out.bytes.resize(have);
    return out;
}

Result<std::size_t> write_file(int fd, std::string_view bytes)
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (put >= 0) {
            done += static_cast<std::size_t>(put);
        } else if (errno == EAGAIN && done > 0) {
            break;
        } else if (errno != EINTR) {
            return fail_errno("failed to write to file", errno);
        }
    }
    return done;
}

Result<std::int64_t> seek_file(int fd, std::int64_t offset, Whence whence)
{
    const int from = whence == Whence::start     ? SEEK_SET
                     : whence == Whence::current ? SEEK_CUR
                                                 : SEEK_END;
    const off_t position = ::lseek(fd, offset, from);
    if (position < 0) {
        return fail_errno("failed to seek file", errno);
    }
    return std::int64_t{position};
}

Result<void> close_file(int fd)
{
    if (::close(fd) != 0) {
        return fail_errno("failed to close handle", errno);
    }
    return {};
}

} // namespace frostline::system
