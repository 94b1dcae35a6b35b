// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace frostline::system {

/// Numbers for open files that do not come back after a restart of the agent, so that a client
/// that still has one can never hit another file. From 1000 on; the next one is kept in a key file
/// as qemu-ga writes it: [global], fd_counter.
///
/// A file that cannot be read, makes no sense or cannot be written is no reason to refuse service:
/// numbers are then milliseconds since 1970, which no counter has reached and no restart repeats.
/// Reads and writes the file on first use and with every number: for a worker. Any thread.
class HandleCounter {
public:
    static constexpr std::int64_t first = 1000;

    /// `clock` gives milliseconds since 1970.
    HandleCounter(std::string path, std::function<std::int64_t()> clock)
        : path_(std::move(path)), clock_(std::move(clock))
    {}

    [[nodiscard]] std::int64_t next();

private:
    [[nodiscard]] std::int64_t start() const;
    [[nodiscard]] Result<void> save(std::int64_t value) const;

    std::mutex mutex_;
    std::string path_;
    std::function<std::int64_t()> clock_;
    std::int64_t next_ = 0; ///< 0: not known yet
    bool warned_ = false;
};

} // namespace frostline::system
