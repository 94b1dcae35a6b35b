// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "config/config.hpp"
#include "system/device_monitor.hpp"
#include "system/event_loop.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace frostline {

/// The channel to the host, of the kind that is configured, or over a listening socket that the
/// service manager has opened. Loop thread only.
class MainChannel {
public:
    struct Events {
        std::function<void()> unplugged;          ///< the virtio port has gone; it may come again
        std::function<void(const Error&)> broken; ///< nothing can bring it back
    };

    /// `passed`: the service manager's socket; method and path of `settings` don't count then.
    MainChannel(system::EventLoop& loop, const config::AgentSettings& settings,
                std::optional<UniqueFd> passed, channel::ConversationFactory conversations,
                Events events);

    /// Opens the channel, or begins to wait for it. An error: it can't be opened.
    [[nodiscard]] Result<void> start();

private:
    [[nodiscard]] Result<std::unique_ptr<channel::Channel>> make();
    [[nodiscard]] std::unique_ptr<channel::Channel> make_virtio_serial();
    [[nodiscard]] std::unique_ptr<channel::Channel>
    make_listening(std::string name, std::function<Result<UniqueFd>()> open);

    system::EventLoop& loop_;
    config::AgentSettings settings_;
    std::optional<UniqueFd> passed_;
    channel::ConversationFactory conversations_;
    Events events_;
    std::unique_ptr<system::DeviceMonitor> ports_;
    std::unique_ptr<channel::Channel> channel_;
};

} // namespace frostline
