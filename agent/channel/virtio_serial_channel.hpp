// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "channel/channel.hpp"
#include "channel/fd_connection.hpp"
#include "common/unique_fd.hpp"
#include "system/device_monitor.hpp"
#include "system/event_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace frostline::channel {

struct VirtioSerialSettings {
    std::string path;
    bool retry = false; ///< -r: go on trying when the port is there but cannot be opened
    std::chrono::milliseconds retry_delay{5000};
    std::size_t output_limit = std::size_t{1} << 20U;
    /// Opens the port; tests put a socket pair here. Empty: open(2).
    std::function<Result<UniqueFd>(const std::string& path)> open;
    /// Called when an open port is of no more use, because it was unplugged. May be empty.
    std::function<void()> on_unplugged;
};

/// A virtio-serial port. Waits for it through udev while it is missing, survives its unplugging,
/// and starts a fresh conversation whenever a host connects.
class VirtioSerialChannel final : public Channel {
public:
    /// `monitor` may be null where udev cannot be reached: then the path is tried now and again.
    VirtioSerialChannel(system::EventLoop& loop, system::DeviceMonitor* monitor,
                        VirtioSerialSettings settings, ConversationFactory factory);
    ~VirtioSerialChannel() override;

    /// An error only when the port exists, cannot be opened, and retry is off.
    [[nodiscard]] Result<void> start() override;
    [[nodiscard]] bool open() const noexcept { return connection_ != nullptr; }

private:
    [[nodiscard]] Result<void> try_open();
    void try_again();
    void wait(bool poll);

    system::EventLoop& loop_;
    system::DeviceMonitor* monitor_;
    VirtioSerialSettings settings_;
    ConversationFactory factory_;
    system::Subscription events_;
    system::Subscription retry_;
    std::shared_ptr<FdConnection> connection_;
    std::string last_complaint_;
};

} // namespace frostline::channel
