// SPDX-License-Identifier: Apache-2.0
#include "channel/fd_connection.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace frostline::channel {

namespace {

constexpr std::size_t read_size = 65536;
/// Reads in one go before the loop's other sources get their turn.
constexpr int reads_per_turn = 4;
/// How long a virtio port's host may be reported absent before it counts as gone. The news is late
/// by milliseconds, more on a busy guest.
constexpr std::chrono::seconds absence_limit{1};

} // namespace

Result<std::shared_ptr<FdConnection>> FdConnection::create(system::EventLoop& loop, UniqueFd fd,
                                                           FdConnectionSettings settings,
                                                           ConversationFactory factory,
                                                           std::function<void(Error)> on_closed)
{
    UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll) {
        return fail_errno("cannot watch a connection", errno);
    }
    epoll_event event{};
    event.events = unsigned{EPOLLIN} | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) < 0) {
        return fail_errno("cannot watch a connection", errno);
    }
    std::shared_ptr<FdConnection> connection{new FdConnection{
        loop, std::move(fd), std::move(epoll), settings, std::move(factory), std::move(on_closed)}};
    connection->watch_ = loop.watch(connection->epoll_.get(), {.readable = true, .writable = false},
                                    [raw = connection.get()](system::Readiness) {
                                        const auto self = raw->shared_from_this();
                                        self->on_edges();
                                    });
    return connection;
}

FdConnection::FdConnection(system::EventLoop& loop, UniqueFd fd, UniqueFd epoll,
                           FdConnectionSettings settings, ConversationFactory factory,
                           std::function<void(Error)> on_closed)
    : loop_(loop), fd_(std::move(fd)), epoll_(std::move(epoll)), settings_(settings),
      factory_(std::move(factory)), on_closed_(std::move(on_closed))
{}

FdConnection::~FdConnection() = default;

void FdConnection::on_edges()
{
    // One edge a turn: a host that asks anew as soon as it has its answer makes one after the
    // other, and timers, children and other connections have to get their turn meanwhile.
    epoll_event event{};
    if (!closed_ && ::epoll_wait(epoll_.get(), &event, 1, 0) == 1) {
        apply(event.events);
        pump();
    }
}

void FdConnection::apply(std::uint32_t events)
{
    hung_up_ = (events & (unsigned{EPOLLHUP} | EPOLLERR)) != 0;
    if (!hung_up_) {
        absence_.cancel();
    }
    // On any edge: only a read tells whether a virtio port's host is there, absent, or unplugged.
    readable_ = true;
    // A vsock peer that has closed with replies unread leaves no room, so only trying to write
    // tells whether it is gone or has merely ended its input.
    writable_ = writable_ || (events & (unsigned{EPOLLOUT} | EPOLLRDHUP)) != 0;
    if (hung_up_ && settings_.end_of_file == EndOfFile::peer_absent) {
        peer_absent();
    } else if (hung_up_) {
        drop_output();
    }
}

void FdConnection::pump()
{
    if (closed_) {
        return;
    }
    flush();
    read_some();
    if (!closed_ && report_drained_) {
        report_drained_ = false;
        if (conversation_) {
            conversation_->on_drained();
        }
    }
    if (!closed_ && closing_ && output_.empty()) {
        close(Error{ErrorKind::io, "closed after the last reply"});
    }
}

void FdConnection::schedule_pump()
{
    if (std::exchange(pump_scheduled_, true)) {
        return;
    }
    loop_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->pump_scheduled_ = false;
            self->pump();
        }
    });
}

void FdConnection::read_some()
{
    std::array<char, read_size> buffer; // NOLINT: written by read() before it is read
    for (int turn = 0; turn < reads_per_turn;) {
        if (closed_ || closing_ || !readable_ || input_ended_ || congested_) {
            return;
        }
        const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
        if (got > 0) {
            last_bytes_ = loop_.now();
            conversation().on_bytes({buffer.data(), static_cast<std::size_t>(got)});
            if (hung_up_ && settings_.end_of_file == EndOfFile::peer_absent) {
                peer_absent(); // perhaps the next host's: it has its own second to be reported
            }
            ++turn;
        } else if (got == 0) {
            end_of_file();
            return;
        } else if (errno == EAGAIN) {
            readable_ = false;
            return;
        } else if (errno != EINTR) {
            const int error = errno;
            close(fail_errno("cannot read from the channel", error).error);
            return;
        }
    }
    schedule_pump();
}

void FdConnection::end_of_file()
{
    readable_ = false;
    if (settings_.end_of_file == EndOfFile::peer_absent) {
        if (!absence_.active()) {
            peer_absent();
        }
        return;
    }
    if (hung_up_ || !conversation_) {
        close(Error{ErrorKind::io, "the peer has closed the connection"});
        return;
    }
    input_ended_ = true;
    conversation_->on_end_of_input();
}

void FdConnection::send(std::string bytes)
{
    if (output_dead_ || closed_) {
        return;
    }
    if (output_.empty()) {
        output_ = std::move(bytes); // so most replies are never copied
    } else {
        output_.append(bytes);
    }
    flush();
}

void FdConnection::flush()
{
    while (writable_ && sent_ < output_.size()) {
        const ssize_t put = ::write(fd_.get(), output_.data() + sent_, output_.size() - sent_);
        if (put >= 0) {
            sent_ += static_cast<std::size_t>(put);
        } else if (errno == EAGAIN) {
            writable_ = false;
        } else if (errno != EINTR) {
            // Gone for good; reading finds out how. Requests that have come are still executed.
            drop_output();
            schedule_pump();
            return;
        }
    }
    const std::size_t unsent = output_.size() - sent_;
    if (unsent == 0) {
        output_.clear();
        output_.shrink_to_fit();
        sent_ = 0;
    } else if (sent_ > settings_.output_limit) {
        output_.erase(0, sent_);
        sent_ = 0;
    }
    if (!congested_ && unsent > settings_.output_limit) {
        congested_ = true;
    } else if (congested_ && unsent <= settings_.output_limit / 2) {
        congested_ = false;
        report_drained_ = true;
        schedule_pump();
    }
    if (closing_ && unsent == 0) {
        schedule_pump();
    }
}

void FdConnection::drop_output()
{
    output_dead_ = true;
    output_.clear();
    output_.shrink_to_fit();
    sent_ = 0;
    if (std::exchange(congested_, false)) {
        report_drained_ = true;
    }
}

void FdConnection::close_when_sent()
{
    closing_ = true;
    schedule_pump();
}

Conversation& FdConnection::conversation()
{
    if (!conversation_) {
        output_dead_ = hung_up_ && settings_.end_of_file == EndOfFile::ends_input;
        conversation_ = factory_(*this);
    }
    return *conversation_;
}

void FdConnection::peer_absent()
{
    if (!conversation_) {
        return;
    }
    if (loop_.now() - last_bytes_ > absence_limit) {
        end_conversation(); // the next host may be here before another second has passed
    } else {
        absence_ = loop_.after(absence_limit, [this] { end_conversation(); });
    }
}

void FdConnection::end_conversation()
{
    conversation_.reset();
    drop_output();
    absence_.cancel();
    report_drained_ = false;
}

void FdConnection::close(Error reason)
{
    closed_ = true;
    watch_.cancel();
    absence_.cancel();
    conversation_.reset();
    drop_output();
    epoll_.reset();
    fd_.reset();
    if (const auto action = std::exchange(on_closed_, nullptr)) {
        action(std::move(reason));
    }
}

} // namespace frostline::channel
