// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "common/wire/splitter.hpp"
#include "rpc/session.hpp"

#include <cstddef>
#include <functional>
#include <string_view>

namespace frostline {

/// What lies between a connection's bytes and a session's requests. One per peer, so a peer never
/// continues what another one has begun.
class ServerConversation final : public channel::Conversation {
public:
    /// `on_large_traffic` is called with each message or reply of more than 64 KiB.
    ServerConversation(const rpc::Dispatcher& dispatcher, channel::Connection& connection,
                       std::function<void()> on_large_traffic);

    void on_bytes(std::string_view bytes) override;
    void on_end_of_input() override { session_.on_end_of_input(); }
    void on_drained() override { session_.on_drained(); }

private:
    class ConnectionOutput final : public rpc::Output {
    public:
        ConnectionOutput(channel::Connection& connection, const std::function<void()>& on_large)
            : connection_(connection), on_large_(on_large)
        {}
        void send(std::string bytes) override;
        [[nodiscard]] bool congested() const override { return connection_.congested(); }
        void close_when_sent() override { connection_.close_when_sent(); }

    private:
        channel::Connection& connection_;
        const std::function<void()>& on_large_;
    };

    void take(json::Value message);

    std::function<void()> on_large_traffic_;
    ConnectionOutput output_;
    wire::Splitter splitter_;
    rpc::Session session_;
    std::size_t message_bytes_ = 0; ///< fed since the last complete message
};

} // namespace frostline
