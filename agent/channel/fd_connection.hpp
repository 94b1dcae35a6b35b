// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace frostline::channel {

/// What read() returning 0 means.
enum class EndOfFile {
    ends_input,  ///< a socket: this peer sends no more
    peer_absent, ///< a virtio port: no host is connected now, another one may come
};

struct FdConnectionSettings {
    EndOfFile end_of_file = EndOfFile::ends_input;
    std::size_t output_limit = std::size_t{1} << 20U; ///< bytes unsent above which it is congested
};

/// Bytes over one non-blocking descriptor.
///
/// The descriptor sits in an epoll instance of its own, edge-triggered, and the loop watches that.
/// A virtio port without a host, and a socket whose peer has gone while a reply is pending, report
/// POLLHUP for ever: level-triggered that is a busy loop. The edge comes once for each change,
/// since the kernel wakes the wait queue on connect, disconnect, data and room (virtio_console.c).
///
/// On a virtio port data comes in the interrupt, but the news that a host has gone or come through
/// a work queue: the next host's first bytes may be read before either. So neither ends a
/// conversation or drops a reply at once; only a host that stays absent for a second is gone, or
/// one that is reported absent when it has been silent for a second: that news can't be about
/// another. A host that comes sooner may get a reply meant for the one before, which is what the
/// sync commands are for.
class FdConnection final : public Connection, public std::enable_shared_from_this<FdConnection> {
public:
    /// `on_closed` is called once, last of all, when the descriptor is of no more use: the peer has
    /// closed it, or the device is gone. The connection may be released from there.
    [[nodiscard]] static Result<std::shared_ptr<FdConnection>>
    create(system::EventLoop& loop, UniqueFd fd, FdConnectionSettings settings,
           ConversationFactory factory, std::function<void(Error)> on_closed);
    ~FdConnection() override;

    void send(std::string bytes) override;
    [[nodiscard]] bool congested() const override { return congested_; }
    void close_when_sent() override;

private:
    FdConnection(system::EventLoop& loop, UniqueFd fd, UniqueFd epoll,
                 FdConnectionSettings settings, ConversationFactory factory,
                 std::function<void(Error)> on_closed);
    void on_edges();
    void apply(std::uint32_t events);
    void pump();
    void schedule_pump();
    void read_some();
    void end_of_file();
    void flush();
    void drop_output();
    void end_conversation();
    void peer_absent();
    void close(Error reason);
    Conversation& conversation();

    system::EventLoop& loop_;
    UniqueFd fd_;
    UniqueFd epoll_;
    FdConnectionSettings settings_;
    ConversationFactory factory_;
    std::function<void(Error)> on_closed_;
    system::Subscription watch_;
    std::unique_ptr<Conversation> conversation_;

    std::string output_;
    std::size_t sent_ = 0; ///< of output_
    bool readable_ = true;
    bool writable_ = true;
    bool hung_up_ = false;
    bool input_ended_ = false;
    bool output_dead_ = false; ///< nobody will read what is sent
    system::EventLoop::TimePoint last_bytes_{};
    system::Subscription absence_; ///< runs while the conversation's host is reported absent
    bool congested_ = false;
    bool closing_ = false;
    bool closed_ = false;
    bool pump_scheduled_ = false;
    bool report_drained_ = false;
};

} // namespace frostline::channel
