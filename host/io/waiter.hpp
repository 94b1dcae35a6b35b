// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <optional>

namespace frostline::host {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Millis = std::chrono::milliseconds;

/// Time and waiting, the one place where the tool blocks. Every wait ends at a deadline, and at
/// once when somebody asks the tool to stop (SIGINT, SIGTERM, SIGHUP), unless shielded. Tests use
/// a fake that only moves a clock.
class Waiter {
public:
    virtual ~Waiter() = default;

    [[nodiscard]] virtual TimePoint now() const = 0;
    /// Until one of `events` (poll(2)) holds for `descriptor`; hang-ups and errors end the wait
    /// too, the next read tells. Errors: timeout; cancelled when a signal came.
    [[nodiscard]] virtual Result<void> wait(int descriptor, short events, TimePoint until) = 0;
    /// Between two tries of something that has no event of its own. Errors: cancelled.
    [[nodiscard]] virtual Result<void> pause(Millis duration) = 0;
    /// The signal that asked the tool to stop, as soon as there was one.
    [[nodiscard]] virtual std::optional<int> stopped_by() = 0;
    /// While shielded, signals are remembered but end no wait: a thaw must not be interrupted.
    virtual void set_shielded(bool shielded) = 0;
    [[nodiscard]] virtual bool shielded() const = 0;
};

/// Shields for a scope.
class Shield {
public:
    explicit Shield(Waiter& waiter) : waiter_(waiter), before_(waiter.shielded())
    {
        waiter_.set_shielded(true);
    }
    ~Shield() { waiter_.set_shielded(before_); }
    Shield(const Shield&) = delete;
    Shield& operator=(const Shield&) = delete;
    Shield(Shield&&) = delete;
    Shield& operator=(Shield&&) = delete;

private:
    Waiter& waiter_;
    bool before_;
};

} // namespace frostline::host
