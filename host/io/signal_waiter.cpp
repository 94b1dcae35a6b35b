// SPDX-License-Identifier: Apache-2.0
#include "host/io/signal_waiter.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/signalfd.h>

namespace frostline::host {

namespace {

Failure interrupted(int signal)
{
    return fail(ErrorKind::cancelled, std::string{"interrupted by SIG"} + ::sigabbrev_np(signal));
}

/// What poll(2) takes, rounded up so that a wait never ends before its deadline.
int poll_timeout(TimePoint now, TimePoint until)
{
    if (until <= now) {
        return 0;
    }
    const auto left = std::chrono::ceil<Millis>(until - now).count();
    return left > 60'000 ? 60'000 : static_cast<int>(left);
}

} // namespace

Result<std::unique_ptr<SignalWaiter>> SignalWaiter::create()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction current = {};
        // nohup and a shell's background jobs have asked for these to be ignored: keep that.
        if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN) {
            continue;
        }
        sigaddset(&set, signal);
    }
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
        return fail_errno("block signals", errno);
    }
    if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return fail_errno("ignore SIGPIPE", errno);
    }
    UniqueFd signals{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!signals) {
        return fail_errno("signalfd", errno);
    }
    return std::unique_ptr<SignalWaiter>{new SignalWaiter{std::move(signals)}};
}

void SignalWaiter::read_signals()
{
    signalfd_siginfo info = {};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (!signal_) {
            signal_ = static_cast<int>(info.ssi_signo);
        }
    }
}

std::optional<int> SignalWaiter::stopped_by()
{
    read_signals();
    return signal_;
}

Result<void> SignalWaiter::wait(int descriptor, short events, TimePoint until)
{
    for (;;) {
        if (stopped_by() && !shielded_) {
            return interrupted(*signal_);
        }
        std::array<pollfd, 2> polled{
            {{descriptor, events, 0}, {shielded_ ? -1 : signals_.get(), POLLIN, 0}}};
        const int ready = ::poll(polled.data(), polled.size(), poll_timeout(now(), until));
        if (ready < 0 && errno != EINTR) {
            return fail_errno("poll", errno);
        }
        if (ready > 0 && polled[1].revents != 0) {
            continue;
        }
        if (ready > 0 && polled[0].revents != 0) {
            return {};
        }
        if (now() >= until) {
            return fail(ErrorKind::timeout, "no answer in time");
        }
    }
}

Result<void> SignalWaiter::pause(Millis duration)
{
    // poll(2) ignores a descriptor of -1, so this waits for a signal or the end.
    const Result<void> waited = wait(-1, 0, now() + duration);
    if (!waited && waited.error().kind() != ErrorKind::timeout) {
        return fail(waited.error());
    }
    return {};
}

} // namespace frostline::host
