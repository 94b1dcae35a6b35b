// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/transport.hpp"
#include "host/io/line_stream.hpp"

#include <cstdint>
#include <optional>
#include <random>
#include <string>

namespace frostline::host {

/// The agent's end of a virtio-serial port as QEMU's chardev socket, or an agent that listens on a
/// Unix socket itself.
class SocketTransport final : public AgentTransport {
public:
    SocketTransport(std::string path, Waiter& waiter) : path_(std::move(path)), waiter_(waiter) {}

    [[nodiscard]] Result<Reply> call(std::string_view command, json::Object arguments,
                                     TimePoint until) override;

private:
    [[nodiscard]] Result<void> connect_and_sync(TimePoint until);
    [[nodiscard]] Result<void> sync(TimePoint until);
    [[nodiscard]] Result<Reply> exchange(std::string_view command, json::Object arguments,
                                         TimePoint until);

    std::string path_;
    Waiter& waiter_;
    std::optional<LineStream> stream_;
    bool synced_ = false;
    std::uint64_t last_id_ = 0;
    std::random_device random_;
};

} // namespace frostline::host
