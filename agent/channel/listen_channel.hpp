// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "channel/fd_connection.hpp"
#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace frostline::channel {

struct ListenSettings {
    std::string name; ///< the path or the address, for messages
    /// Gives the listening, non-blocking descriptor of a stream socket (listeners.hpp, or one that
    /// the service manager has passed). Called again after a failure when `retry` is set.
    std::function<Result<UniqueFd>()> open;
    std::size_t clients = 1; ///< served at the same time; the others wait in the backlog
    bool retry = false;      ///< -r: go on trying when it cannot listen
    std::chrono::milliseconds retry_delay{5000};
    std::size_t output_limit = std::size_t{1} << 20U;
    /// Called when the listener is of no more use and `retry` is off. May be empty.
    std::function<void(const Error&)> on_broken;
};

/// Serves the clients of a listening socket, whatever its family.
class ListenChannel final : public Channel {
public:
    ListenChannel(system::EventLoop& loop, ListenSettings settings, ConversationFactory factory);
    ~ListenChannel() override;

    /// With `retry`, an error only when the settings are wrong, so that trying again is useless.
    [[nodiscard]] Result<void> start() override;

private:
    [[nodiscard]] Result<void> try_open();
    void open_later();
    void listen_on(bool wanted);
    void accept_clients();
    void accept_failed(int error);
    void broken(const Error& reason);
    void add_client(UniqueFd fd);

    system::EventLoop& loop_;
    ListenSettings settings_;
    ConversationFactory factory_;
    UniqueFd listener_;
    system::Subscription watch_;
    system::Subscription retry_;
    std::vector<std::shared_ptr<FdConnection>> connections_;
};

} // namespace frostline::channel
