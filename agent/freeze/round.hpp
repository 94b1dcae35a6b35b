// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>

namespace frostline::freeze {

/// Waits for several answers, or for a limit, whichever comes first; then calls once, never inside
/// begin(). Loop thread only.
class Round {
public:
    explicit Round(system::EventLoop& loop) : loop_(loop) {}

    /// `done(in_time)`. A limit of 0 means none.
    void begin(std::size_t answers, std::chrono::milliseconds limit, std::function<void(bool)> done)
    {
        left_ = answers;
        done_ = std::move(done);
        timer_ = {};
        if (left_ == 0) {
            timer_ = loop_.after(std::chrono::nanoseconds{0}, [this] { finish(true); });
        } else if (limit.count() > 0) {
            timer_ = loop_.after(limit, [this] { finish(false); });
        }
    }

    /// One of the answers is there. After the end, or too often: ignored.
    void answer()
    {
        if (done_ && left_ > 0 && --left_ == 0) {
            finish(true);
        }
    }

    void cancel()
    {
        done_ = nullptr;
        timer_ = {};
    }

private:
    void finish(bool in_time)
    {
        // The action may begin the next round, or destroy this one: nothing is touched after it.
        const auto done = std::exchange(done_, nullptr);
        timer_ = {};
        if (done) {
            done(in_time);
        }
    }

    system::EventLoop& loop_;
    std::size_t left_ = 0;
    std::function<void(bool)> done_;
    system::Subscription timer_;
};

} // namespace frostline::freeze
