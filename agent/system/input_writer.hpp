// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <cstddef>
#include <deque>
#include <string>

namespace frostline::system {

/// Writes to a child's standard input without blocking, however much there is. A reader that has
/// gone is no error: what is left is dropped. Loop thread only.
class InputWriter {
public:
    InputWriter(EventLoop& loop, UniqueFd fd) : loop_(&loop), fd_(std::move(fd)) {}

    void write(std::string text);
    /// Once all that was written has gone out.
    void close();
    /// Now.
    void drop();

private:
    void flush();
    void forget_first();
    /// False when it takes no more for now, or for ever.
    bool write_some();

    EventLoop* loop_;
    UniqueFd fd_;
    std::deque<std::string> queue_;
    std::size_t sent_ = 0; ///< of the first one
    bool close_when_flushed_ = false;
    Subscription watch_;
};

} // namespace frostline::system
