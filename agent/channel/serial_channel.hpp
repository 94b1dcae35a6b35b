// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "channel/fd_connection.hpp"
#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace frostline::channel {

struct SerialSettings {
    std::string path;
    bool retry = false; ///< -r: go on trying when the line cannot be opened at the start
    std::chrono::milliseconds retry_delay{5000};
    std::size_t output_limit = std::size_t{1} << 20U;
};

/// A serial line, raw, 8 data bits, no parity. Nobody says when a host comes or goes, so all that
/// ever comes over the line is one conversation; hosts begin with a sync. After a hang-up the line
/// is opened again.
class SerialChannel final : public Channel {
public:
    SerialChannel(system::EventLoop& loop, SerialSettings settings, ConversationFactory factory);
    SerialChannel(const SerialChannel&) = delete;
    SerialChannel& operator=(const SerialChannel&) = delete;
    ~SerialChannel() override;

    /// An error only when the line cannot be opened and retry is off.
    [[nodiscard]] Result<void> start() override;

private:
    [[nodiscard]] Result<void> try_open();
    void try_again();
    void try_later();
    void hung_up(const Error& reason);
    void drop_unsent();

    system::EventLoop& loop_;
    SerialSettings settings_;
    ConversationFactory factory_;
    UniqueFd line_; ///< a second descriptor of the connection's, for drop_unsent()
    std::shared_ptr<FdConnection> connection_;
    system::Subscription retry_;
    std::optional<system::EventLoop::TimePoint> reopened_;
};

} // namespace frostline::channel
