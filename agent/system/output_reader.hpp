// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/unique_fd.hpp"
#include "system/child_launcher.hpp"
#include "system/event_loop.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace frostline::system {

/// Reads one output stream of a child: keeps its beginning and its end, drops what is between, and
/// hands out lines. Memory stays bounded however much comes. Without a descriptor it has ended
/// from the beginning. Loop thread only.
class OutputReader {
public:
    using OnLine = std::function<void(std::string_view)>;
    using Budget = std::shared_ptr<std::size_t>;

    /// Keeps `cap` bytes, and takes them from `budget` unless that is null (see ChildSpec).
    OutputReader(EventLoop& loop, UniqueFd fd, std::size_t cap, Budget budget, OnLine on_line);

    /// `on_end` is called when the last writer has closed the stream.
    void start(std::function<void()> on_end);
    /// Reads what is there now, but at most 1 MiB: a writer that never ends must not hold us up.
    void drain();
    /// Reads no more; a writer that goes on gets EPIPE.
    void stop();
    /// From now on keeps nothing and hands out nothing, so that the writer can go on.
    void discard();

    [[nodiscard]] bool ended() const noexcept { return !fd_.valid(); }
    [[nodiscard]] CapturedOutput take();

private:
    /// One read; false when nothing is there or the stream has ended.
    bool read_some();
    void keep(std::string_view bytes);
    void split_lines(std::string_view bytes);

    EventLoop* loop_;
    UniqueFd fd_;
    std::size_t cap_;
    Budget budget_;
    bool discarding_ = false;
    OnLine on_line_;
    std::function<void()> on_end_;
    CapturedOutput kept_;
    std::string line_; ///< the unfinished line, at most longest_line bytes of it
    Subscription watch_;
};

} // namespace frostline::system
