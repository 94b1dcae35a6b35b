// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <utility>

namespace frostline::system {

/// Undoes a registration (timer, descriptor watch) when it is destroyed. Loop thread only.
class [[nodiscard]] Subscription {
public:
    Subscription() = default;
    explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
    Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept
    {
        if (this != &other) {
            cancel();
            cancel_ = std::exchange(other.cancel_, nullptr);
        }
        return *this;
    }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { cancel(); }

    void cancel()
    {
        if (auto action = std::exchange(cancel_, nullptr)) {
            action();
        }
    }
    /// Whether this object still holds a registration (a timer that fired still counts).
    [[nodiscard]] bool active() const noexcept { return cancel_ != nullptr; }

private:
    std::function<void()> cancel_;
};

/// A point on CLOCK_BOOTTIME: it goes on while the machine is suspended, so a deadline that passed
/// during a suspend has passed (clock_gettime(2)).
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
    /// Only the loop's implementations and the guard call this; everything else asks the loop.
    [[nodiscard]] static time_point now() noexcept;
};

struct Interest {
    bool readable = false;
    bool writable = false;
};

struct Readiness {
    bool readable = false;
    bool writable = false;
    bool hung_up = false; ///< EPOLLHUP or EPOLLERR
};

/// The one loop that owns all state of the agent. Everything but post() is for its thread only.
/// Callbacks never run inside the call that registers them.
class EventLoop {
public:
    using TimePoint = BootClock::time_point;

    virtual ~EventLoop() = default;

    [[nodiscard]] virtual TimePoint now() const = 0;
    /// Runs `action` on the loop's thread, in order of posting. Any thread.
    virtual void post(std::function<void()> action) = 0;
    /// Runs `action` once, `delay` from now, unless the subscription goes first.
    virtual Subscription after(std::chrono::nanoseconds delay, std::function<void()> action) = 0;
    /// Runs `action` each time `fd` is ready, level-triggered, until the subscription goes. The
    /// caller keeps `fd` open for as long.
    virtual Subscription watch(int fd, Interest interest,
                               std::function<void(Readiness)> action) = 0;
};

} // namespace frostline::system
