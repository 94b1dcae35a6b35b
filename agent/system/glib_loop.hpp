// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

using GMainContext = struct _GMainContext; // NOLINT(bugprone-reserved-identifier): GLib's own

namespace frostline::system {

/// The event loop of the real agent: a GMainContext of its own, timers on one CLOCK_BOOTTIME
/// timerfd (GLib's own timers stand still while the machine is suspended), signals through
/// signalfd. Lives on the thread that made it.
class GlibLoop final : public EventLoop {
public:
    [[nodiscard]] static Result<std::unique_ptr<GlibLoop>> create();
    GlibLoop(const GlibLoop&) = delete;
    GlibLoop& operator=(const GlibLoop&) = delete;
    ~GlibLoop() override;

    [[nodiscard]] TimePoint now() const override { return BootClock::now(); }
    void post(std::function<void()> action) override;
    Subscription after(std::chrono::nanoseconds delay, std::function<void()> action) override;
    Subscription watch(int fd, Interest interest, std::function<void(Readiness)> action) override;

    /// Runs `action` on the loop each time one of `signals` arrives. The signals must be blocked
    /// in every thread: call block_signals() first thing in main().
    [[nodiscard]] Result<Subscription> on_signals(const std::vector<int>& signals,
                                                  std::function<void(int signal)> action);
    static void block_signals(const std::vector<int>& signals);

    /// Dispatches until quit() is called.
    void run();
    /// Makes run() return after the callback that is running. Loop thread only.
    void quit() noexcept { quit_ = true; }

private:
    struct ContextUnref {
        void operator()(GMainContext* context) const noexcept;
    };
    struct Timer {
        std::function<void()> action;
    };
    using TimerKey = std::pair<TimePoint, std::uint64_t>;

    GlibLoop(UniqueFd timer, UniqueFd wake);
    void run_posted();
    void run_timers();
    void arm();

    std::unique_ptr<GMainContext, ContextUnref> context_;
    UniqueFd timer_fd_;
    UniqueFd wake_fd_;
    Subscription timer_watch_;
    Subscription wake_watch_;
    std::map<TimerKey, Timer> timers_;
    std::uint64_t next_timer_ = 0;
    bool quit_ = false;

    std::mutex posted_mutex_;
    std::vector<std::function<void()>> posted_;
};

} // namespace frostline::system
