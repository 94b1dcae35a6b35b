// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "channel/fd_connection.hpp"
#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace frostline::channel {

struct UnixListenSettings {
    std::string path;
    std::size_t clients = 1;    ///< served at the same time; the others wait in the backlog
    std::optional<mode_t> mode; ///< of the socket; absent: what the umask leaves
    std::size_t output_limit = std::size_t{1} << 20U;
};

/// A listening Unix socket. What lies at its path from an earlier run is removed first.
class UnixListenChannel final : public Channel {
public:
    UnixListenChannel(system::EventLoop& loop, UnixListenSettings settings,
                      ConversationFactory factory);
    ~UnixListenChannel() override;

    [[nodiscard]] Result<void> start() override;

private:
    void listen_on(bool wanted);
    void accept_clients();

    system::EventLoop& loop_;
    UnixListenSettings settings_;
    ConversationFactory factory_;
    UniqueFd listener_;
    system::Subscription watch_;
    system::Subscription retry_;
    std::vector<std::shared_ptr<FdConnection>> connections_;
};

} // namespace frostline::channel
