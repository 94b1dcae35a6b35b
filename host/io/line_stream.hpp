// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/unique_fd.hpp"
#include "host/io/waiter.hpp"

#include <string>
#include <string_view>

#include <sys/types.h>

namespace frostline::host {

/// A connected Unix stream socket that carries lines, as the guest agent's channel and QEMU's
/// monitor do.
class LineStream {
public:
    /// Errors: not_found, permission, busy (nobody listens), timeout, cancelled.
    [[nodiscard]] static Result<LineStream> connect(const std::string& path, Waiter& waiter,
                                                    TimePoint until);

    /// Sends all of it. After an error the stream is of no use any more.
    [[nodiscard]] Result<void> send(std::string_view bytes, TimePoint until);
    /// One line without its end. Errors: timeout and cancelled leave the stream usable; io when
    /// the other side has closed; protocol for a line above 16 MiB.
    [[nodiscard]] Result<std::string> read_line(TimePoint until);
    /// Drops everything up to and with the first byte `marker`.
    [[nodiscard]] Result<void> skip_past(char marker, TimePoint until);

    /// The process at the other end, 0 when unknown.
    [[nodiscard]] pid_t peer() const;

private:
    LineStream(UniqueFd socket, Waiter& waiter) : socket_(std::move(socket)), waiter_(&waiter) {}
    [[nodiscard]] Result<void> read_more(TimePoint until);

    UniqueFd socket_;
    Waiter* waiter_;
    std::string buffer_;
};

} // namespace frostline::host
