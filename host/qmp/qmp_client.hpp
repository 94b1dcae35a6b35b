// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/line_stream.hpp"
#include "host/qmp/monitor.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace frostline::host {

/// QMP on a Unix socket: greeting, capabilities, then commands with ids. Events are skipped, and so
/// are late answers to commands that this client no longer waits for.
class QmpClient final : public Monitor {
public:
    /// Connects and leaves negotiation mode. Errors as LineStream::connect; timeout when no
    /// greeting comes, which is what a second client of the same socket sees.
    [[nodiscard]] static Result<std::unique_ptr<QmpClient>>
    connect(const std::string& path, Waiter& waiter, TimePoint until);

    [[nodiscard]] Result<Reply> execute(std::string_view command, json::Object arguments,
                                        TimePoint until) override;

    /// QEMU's process, 0 when unknown.
    [[nodiscard]] pid_t process() const { return stream_.peer(); }

private:
    explicit QmpClient(LineStream stream, std::string path)
        : stream_(std::move(stream)), path_(std::move(path))
    {}
    [[nodiscard]] Result<void> greet(TimePoint until);

    LineStream stream_;
    std::string path_;
    std::uint64_t last_id_ = 0;
};

} // namespace frostline::host
