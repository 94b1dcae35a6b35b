// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

/// How bytes reach the agent. A channel makes a Conversation for each peer and destroys it when
/// that peer is gone, so nothing of one peer's state can reach the next. Loop thread only.
namespace frostline::channel {

/// The way back to the peer. Valid as long as the conversation that was given it.
class Connection {
public:
    virtual ~Connection() = default;

    /// Queues bytes; never blocks, never destroys the conversation.
    virtual void send(std::string bytes) = 0;
    /// Whether so much is unsent that its user should produce no more until on_drained(). The
    /// connection reads nothing meanwhile.
    [[nodiscard]] virtual bool congested() const = 0;
    /// Closes once everything is sent. For a peer that has ended its input.
    virtual void close_when_sent() = 0;
};

/// The agent's side of one conversation. Its destruction means that the peer is gone.
class Conversation {
public:
    virtual ~Conversation() = default;

    virtual void on_bytes(std::string_view bytes) = 0;
    /// The peer sends no more but may still read (a half-closed socket).
    virtual void on_end_of_input() = 0;
    /// The connection is no longer congested.
    virtual void on_drained() = 0;
};

using ConversationFactory = std::function<std::unique_ptr<Conversation>(Connection&)>;

class Channel {
public:
    virtual ~Channel() = default;

    /// Opens it, or starts to wait for it where waiting makes sense.
    [[nodiscard]] virtual Result<void> start() = 0;
};

} // namespace frostline::channel
