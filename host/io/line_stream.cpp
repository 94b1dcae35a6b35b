// SPDX-License-Identifier: Apache-2.0
#include "host/io/line_stream.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace frostline::host {

namespace {

constexpr std::size_t longest_line = std::size_t{16} * 1024 * 1024;

Failure connect_failed(const std::string& path, int error)
{
    switch (error) {
    case ENOENT:
        return fail(ErrorKind::not_found,
                    "connect to " + path +
                        ": there is no such socket; is what should listen there running?");
    case ECONNREFUSED:
        return fail(ErrorKind::busy, "connect to " + path + ": nobody listens there");
    case EACCES:
    case EPERM:
        return fail(ErrorKind::permission,
                    "connect to " + path + ": permission denied (try as root)");
    default:
        return fail_errno("connect to " + path, error);
    }
}

} // namespace

Result<LineStream> LineStream::connect(const std::string& path, Waiter& waiter, TimePoint until)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::invalid_argument, "connect to '" + path +
                                                     "': a socket path has 1 to " +
                                                     std::to_string(sizeof address.sun_path - 1) +
                                                     " bytes; use a shorter or relative one");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) {
        return fail_errno("make a socket", errno);
    }
    for (;;) {
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0) {
            return LineStream{std::move(socket), waiter};
        }
        // A Unix socket says EAGAIN when the queue of the listener is full: somebody else is
        // connected and others wait already. There is no event for a place in it.
        if (errno != EAGAIN && errno != EINTR) {
            return connect_failed(path, errno);
        }
        if (waiter.now() >= until) {
            return fail(ErrorKind::timeout,
                        "connect to " + path + ": busy, other programs wait there already");
        }
        if (Result<void> waited = waiter.pause(Millis{50}); !waited) {
            return fail(std::move(waited).error().with_context("connect to " + path));
        }
    }
}

Result<void> LineStream::send(std::string_view bytes, TimePoint until)
{
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET) {
            return fail(ErrorKind::io, "the other side has closed the connection", errno);
        }
        if (errno != EAGAIN && errno != EINTR) {
            return fail_errno("send", errno);
        }
        if (Result<void> ready = waiter_->wait(socket_.get(), POLLOUT, until); !ready) {
            return ready;
        }
    }
    return {};
}

Result<void> LineStream::read_more(TimePoint until)
{
    std::array<char, 16384> chunk;
    for (;;) {
        const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
        if (got > 0) {
            buffer_.append(chunk.data(), static_cast<std::size_t>(got));
            return {};
        }
        if (got == 0 || errno == ECONNRESET) {
            return fail(ErrorKind::io, "the other side has closed the connection", ECONNRESET);
        }
        if (errno != EAGAIN && errno != EINTR) {
            return fail_errno("receive", errno);
        }
        if (Result<void> ready = waiter_->wait(socket_.get(), POLLIN, until); !ready) {
            return ready;
        }
    }
}

Result<std::string> LineStream::read_line(TimePoint until)
{
    std::size_t searched = 0;
    for (;;) {
        const std::size_t end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            if (!line.empty() && line.back() == '\r') {
                line.pop_back();
            }
            return line;
        }
        searched = buffer_.size();
        if (searched > longest_line) {
            return fail(ErrorKind::protocol, "a line without an end, above 16 MiB");
        }
        if (Result<void> more = read_more(until); !more) {
            return fail(std::move(more).error());
        }
    }
}

Result<void> LineStream::skip_past(char marker, TimePoint until)
{
    for (;;) {
        const std::size_t found = buffer_.find(marker);
        if (found != std::string::npos) {
            buffer_.erase(0, found + 1);
            return {};
        }
        buffer_.clear();
        if (Result<void> more = read_more(until); !more) {
            return more;
        }
    }
}

pid_t LineStream::peer() const
{
    ucred credentials = {};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return 0;
    }
    return credentials.pid;
}

} // namespace frostline::host
