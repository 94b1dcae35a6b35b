// SPDX-License-Identifier: Apache-2.0
#include "system/glib_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <glib-unix.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace frostline::system {

namespace {

using WatchAction = std::function<void(Readiness)>;

// noexcept: an exception may not unwind through GLib's C frames, so a stray one ends the agent
// here, where the core dump shows it, and the guard thaws what is frozen.
gboolean dispatch_watch(gint, GIOCondition condition, gpointer data) noexcept
{
    const auto bits = static_cast<unsigned>(condition);
    (*static_cast<WatchAction*>(data))(Readiness{
        .readable = (bits & G_IO_IN) != 0,
        .writable = (bits & G_IO_OUT) != 0,
        .hung_up = (bits & (G_IO_HUP | G_IO_ERR | G_IO_NVAL)) != 0,
    });
    return G_SOURCE_CONTINUE; // the subscription decides, not the return value
}

void free_watch(gpointer data) noexcept
{
    delete static_cast<WatchAction*>(data);
}

/// Reads and forgets the counter of an eventfd or timerfd.
void drain(int fd) noexcept
{
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd, &count, sizeof count);
}

sigset_t signal_set(const std::vector<int>& signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : signals) {
        sigaddset(&set, number);
    }
    return set;
}

} // namespace

void GlibLoop::ContextUnref::operator()(GMainContext* context) const noexcept
{
    g_main_context_unref(context);
}

Result<std::unique_ptr<GlibLoop>> GlibLoop::create()
{
    UniqueFd timer{::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
    if (!timer) {
        return fail_errno("cannot create the loop's timer", errno);
    }
    UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!wake) {
        return fail_errno("cannot create the loop's wake-up descriptor", errno);
    }
    return std::unique_ptr<GlibLoop>{new GlibLoop{std::move(timer), std::move(wake)}};
}

GlibLoop::GlibLoop(UniqueFd timer, UniqueFd wake)
    : context_(g_main_context_new()), timer_fd_(std::move(timer)), wake_fd_(std::move(wake))
{
    timer_watch_ = watch(timer_fd_.get(), {.readable = true, .writable = false},
                         [this](Readiness) { run_timers(); });
    wake_watch_ = watch(wake_fd_.get(), {.readable = true, .writable = false},
                        [this](Readiness) { run_posted(); });
}

GlibLoop::~GlibLoop() = default;

void GlibLoop::post(std::function<void()> action)
{
    {
        const std::lock_guard lock{posted_mutex_};
        posted_.push_back(std::move(action));
    }
    const std::uint64_t one = 1;
    // Can fail only when the counter is full, and then the loop is being woken already.
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
}

void GlibLoop::run_posted()
{
    drain(wake_fd_.get());
    std::vector<std::function<void()>> actions;
    {
        const std::lock_guard lock{posted_mutex_};
        actions.swap(posted_); // what these post in turn waits for the next round
    }
    for (std::function<void()>& action : actions) {
        action();
    }
}

Subscription GlibLoop::after(std::chrono::nanoseconds delay, std::function<void()> action)
{
    const auto wait = std::max(delay, std::chrono::nanoseconds{0});
    // A delay beyond the clock's range means "never", not "long ago".
    const TimePoint current = now();
    const TimePoint due =
        wait > TimePoint::max() - current ? TimePoint::max() : TimePoint{current + wait};
    const TimerKey key{due, next_timer_++};
    timers_.emplace(key, Timer{std::move(action)});
    arm();
    return Subscription{[this, key] {
        if (timers_.erase(key) > 0) {
            arm();
        }
    }};
}

void GlibLoop::run_timers()
{
    drain(timer_fd_.get());
    // Only what was registered before this round: a timer that renews itself with no delay must
    // not keep descriptors waiting.
    const TimerKey last{now(), next_timer_};
    while (!timers_.empty() && timers_.begin()->first < last) {
        auto node = timers_.extract(timers_.begin());
        node.mapped().action();
    }
    arm();
}

void GlibLoop::arm()
{
    itimerspec when{};
    if (!timers_.empty()) {
        const auto due = std::max(timers_.begin()->first.first.time_since_epoch(),
                                  std::chrono::nanoseconds{1}); // 0 would disarm
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(due);
        when.it_value.tv_sec = seconds.count();
        when.it_value.tv_nsec = static_cast<long>((due - seconds).count());
    }
    ::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

Subscription GlibLoop::watch(int fd, Interest interest, std::function<void(Readiness)> action)
{
    unsigned condition = G_IO_HUP | G_IO_ERR;
    condition |= interest.readable ? unsigned{G_IO_IN} : 0U;
    condition |= interest.writable ? unsigned{G_IO_OUT} : 0U;
    GSource* source = g_unix_fd_source_new(fd, static_cast<GIOCondition>(condition));
    g_source_set_callback(source, G_SOURCE_FUNC(dispatch_watch), // NOLINT: GLib's own cast
                          new WatchAction{std::move(action)}, free_watch);
    // No loop runs inside a callback here. Otherwise GLib takes the descriptor out of the set
    // around each callback, and wakes the loop once more when it puts it back.
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, context_.get());
    return Subscription{[source] {
        // GLib keeps the callback alive while it is being dispatched (g_source_destroy).
        g_source_destroy(source);
        g_source_unref(source);
    }};
}

void GlibLoop::block_signals(const std::vector<int>& signals)
{
    const sigset_t set = signal_set(signals);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Result<Subscription> GlibLoop::on_signals(const std::vector<int>& signals,
                                          std::function<void(int)> action)
{
    const sigset_t set = signal_set(signals);
    auto fd = std::make_shared<UniqueFd>(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!*fd) {
        return fail_errno("cannot listen for signals", errno);
    }
    return watch(fd->get(), {.readable = true, .writable = false},
                 [fd, action = std::move(action)](Readiness) {
                     signalfd_siginfo info{};
                     while (::read(fd->get(), &info, sizeof info) == sizeof info) {
                         action(static_cast<int>(info.ssi_signo));
                     }
                 });
}

void GlibLoop::run()
{
    quit_ = false;
    while (!quit_) {
        g_main_context_iteration(context_.get(), TRUE);
    }
}

} // namespace frostline::system
