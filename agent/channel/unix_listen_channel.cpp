// SPDX-License-Identifier: Apache-2.0
#include "channel/unix_listen_channel.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace frostline::channel {

UnixListenChannel::UnixListenChannel(system::EventLoop& loop, UnixListenSettings settings,
                                     ConversationFactory factory)
    : loop_(loop), settings_(std::move(settings)), factory_(std::move(factory))
{}

UnixListenChannel::~UnixListenChannel() = default;

Result<void> UnixListenChannel::start()
{
    const std::string what = "cannot listen on " + settings_.path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (settings_.path.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::invalid_argument,
                    "UNIX socket path '" + settings_.path + "' is too long: at most " +
                        std::to_string(sizeof address.sun_path - 1) + " bytes");
    }
    std::memcpy(address.sun_path, settings_.path.c_str(), settings_.path.size() + 1);
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) {
        return fail_errno(what, errno);
    }
    if (::unlink(settings_.path.c_str()) < 0 && errno != ENOENT) {
        return fail_errno("cannot remove " + settings_.path + ", left by an earlier run", errno);
    }
    // On the socket itself, before bind() makes the file: there is no moment with a wider mode.
    if (settings_.mode && ::fchmod(fd.get(), *settings_.mode) < 0) {
        return fail_errno(what, errno);
    }
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
        ::listen(fd.get(), std::max(1, static_cast<int>(settings_.clients))) < 0) {
        return fail_errno(what, errno);
    }
    listener_ = std::move(fd);
    listen_on(true);
    return {};
}

void UnixListenChannel::listen_on(bool wanted)
{
    if (!wanted) {
        watch_.cancel();
    } else if (!watch_.active()) {
        watch_ = loop_.watch(listener_.get(), {.readable = true, .writable = false},
                             [this](system::Readiness) { accept_clients(); });
    }
}

void UnixListenChannel::accept_clients()
{
    while (connections_.size() < settings_.clients) {
        UniqueFd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (!fd) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                // Out of descriptors or memory: the client stays in the backlog, so watching on
                // would spin. Another try in a while.
                listen_on(false);
                retry_ = loop_.after(std::chrono::seconds{1}, [this] { listen_on(true); });
            }
            return;
        }
        auto slot = std::make_shared<std::weak_ptr<FdConnection>>();
        auto connection = FdConnection::create(
            loop_, std::move(fd), {EndOfFile::ends_input, settings_.output_limit}, factory_,
            [this, slot](const Error&) {
                const auto closed = slot->lock();
                connections_.erase(std::remove(connections_.begin(), connections_.end(), closed),
                                   connections_.end());
                listen_on(true);
            });
        if (connection) {
            *slot = *connection;
            connections_.push_back(std::move(connection).value());
        }
    }
    listen_on(false); // full: the next client waits in the backlog
}

} // namespace frostline::channel
