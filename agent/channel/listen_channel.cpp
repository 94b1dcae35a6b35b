// SPDX-License-Identifier: Apache-2.0
#include "channel/listen_channel.hpp"

#include "common/log.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace frostline::channel {

namespace {

/// How long to leave a client in the backlog when there is no descriptor or memory for it.
constexpr std::chrono::seconds accept_pause{1};

/// Errors of accept(2) that speak of the listener, not of a client or of a lack of something.
bool is_broken(int error)
{
    return error == EBADF || error == EINVAL || error == ENOTSOCK || error == EOPNOTSUPP;
}

} // namespace

ListenChannel::ListenChannel(system::EventLoop& loop, ListenSettings settings,
                             ConversationFactory factory)
    : loop_(loop), settings_(std::move(settings)), factory_(std::move(factory))
{}

ListenChannel::~ListenChannel() = default;

Result<void> ListenChannel::start()
{
    Result<void> opened = try_open();
    if (opened || !settings_.retry || opened.error().kind() == ErrorKind::invalid_argument) {
        return opened;
    }
    log::warning(opened.error().message(), "trying again");
    open_later();
    return {};
}

Result<void> ListenChannel::try_open()
{
    Result<UniqueFd> fd = settings_.open();
    if (!fd) {
        return fail(std::move(fd).error());
    }
    listener_ = std::move(fd).value();
    retry_.cancel();
    listen_on(true);
    log::info("channel open", settings_.name);
    return {};
}

void ListenChannel::open_later()
{
    retry_ = loop_.after(settings_.retry_delay, [this] {
        if (!try_open()) { // said once, not at every try
            open_later();
        }
    });
}

void ListenChannel::listen_on(bool wanted)
{
    if (!wanted || !listener_) {
        watch_.cancel();
    } else if (!watch_.active()) {
        watch_ = loop_.watch(listener_.get(), {.readable = true, .writable = false},
                             [this](system::Readiness ready) {
                                 if (ready.hung_up) { // accept() need not fail then
                                     broken(Error{ErrorKind::io, "it was shut down"});
                                 } else {
                                     accept_clients();
                                 }
                             });
    }
}

void ListenChannel::accept_clients()
{
    while (connections_.size() < settings_.clients) {
        UniqueFd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (!fd) {
            accept_failed(errno);
            return;
        }
        add_client(std::move(fd));
    }
    listen_on(false); // full: the next client waits in the backlog
}

void ListenChannel::accept_failed(int error)
{
    if (error == EAGAIN || error == EINTR || error == ECONNABORTED) {
        return;
    }
    listen_on(false); // watching on would spin
    if (!is_broken(error)) {
        retry_ = loop_.after(accept_pause, [this] { listen_on(true); });
        return;
    }
    broken(Error{ErrorKind::io, errno_text(error), error});
}

void ListenChannel::broken(const Error& reason)
{
    listen_on(false);
    listener_.reset();
    const Error error = reason.with_context("cannot accept clients on " + settings_.name);
    if (settings_.retry) {
        log::warning(error.message(), "trying again");
        open_later();
    } else if (settings_.on_broken) {
        settings_.on_broken(error);
    }
}

void ListenChannel::add_client(UniqueFd fd)
{
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

} // namespace frostline::channel
