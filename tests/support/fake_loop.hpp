// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace frostline::test {

/// An EventLoop whose clock moves only when the test says so: hours pass in microseconds, and
/// nothing happens by chance. Descriptors are not polled; the test says what is ready.
class FakeLoop : public system::EventLoop {
public:
    using TimePoint = system::EventLoop::TimePoint;

    [[nodiscard]] TimePoint now() const override { return now_; }

    void post(std::function<void()> action) override
    {
        const std::lock_guard lock{posted_mutex_};
        posted_.push_back(std::move(action));
    }

    system::Subscription after(std::chrono::nanoseconds delay,
                               std::function<void()> action) override
    {
        const TimePoint due = now_ + std::max(delay, std::chrono::nanoseconds{0});
        const Key key{due, ++state_->serial};
        state_->timers.emplace(key, std::move(action));
        return system::Subscription{[weak = std::weak_ptr{state_}, key] {
            if (const auto state = weak.lock()) {
                state->timers.erase(key);
            }
        }};
    }

    system::Subscription watch(int fd, system::Interest interest,
                               std::function<void(system::Readiness)> action) override
    {
        const std::uint64_t serial = ++state_->serial;
        state_->watches.emplace(serial, Watch{fd, interest, std::move(action)});
        return system::Subscription{[weak = std::weak_ptr{state_}, serial] {
            if (const auto state = weak.lock()) {
                state->watches.erase(serial);
            }
        }};
    }

    /// Runs what was posted, and what that posts, until nothing is left. Returns how many ran.
    std::size_t run_posted()
    {
        std::size_t count = 0;
        for (;; ++count) {
            std::function<void()> action;
            {
                const std::lock_guard lock{posted_mutex_};
                if (posted_.empty()) {
                    return count;
                }
                action = std::move(posted_.front());
                posted_.pop_front();
            }
            action();
        }
    }

    /// Lets `duration` pass: posted actions first, then the timers that fall due, in order of
    /// their time (registration decides between equals), each at its own moment.
    void advance(std::chrono::nanoseconds duration)
    {
        const TimePoint end = now_ + duration;
        run_posted();
        while (!state_->timers.empty() && state_->timers.begin()->first.first <= end) {
            auto timer = state_->timers.extract(state_->timers.begin());
            now_ = timer.key().first;
            timer.mapped()();
            run_posted();
        }
        now_ = end;
    }

    /// Tells every watch on `fd` that is interested (a hang-up interests all).
    void make_ready(int fd, system::Readiness readiness)
    {
        std::vector<std::uint64_t> serials;
        for (const auto& [serial, watch] : state_->watches) {
            if (watch.fd == fd &&
                ((readiness.readable && watch.interest.readable) ||
                 (readiness.writable && watch.interest.writable) || readiness.hung_up)) {
                serials.push_back(serial);
            }
        }
        for (const std::uint64_t serial : serials) {
            const auto found = state_->watches.find(serial);
            if (found != state_->watches.end()) { // an earlier action may have cancelled it
                const auto action = found->second.action;
                action(readiness);
            }
        }
    }

    [[nodiscard]] std::size_t pending_timers() const { return state_->timers.size(); }
    [[nodiscard]] std::size_t watches() const { return state_->watches.size(); }

private:
    using Key = std::pair<TimePoint, std::uint64_t>;
    struct Watch {
        int fd = -1;
        system::Interest interest;
        std::function<void(system::Readiness)> action;
    };
    struct State {
        std::uint64_t serial = 0;
        std::map<Key, std::function<void()>> timers;
        std::map<std::uint64_t, Watch> watches;
    };

    TimePoint now_{std::chrono::hours{1}};
    std::shared_ptr<State> state_ = std::make_shared<State>(); // outlived by subscriptions
    std::mutex posted_mutex_;
    std::deque<std::function<void()>> posted_;
};

} // namespace frostline::test
