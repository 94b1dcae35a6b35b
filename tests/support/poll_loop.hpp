// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/unique_fd.hpp"
#include "system/event_loop.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace frostline::test {

/// A real EventLoop over poll(2), for tests with real processes and descriptors.
class PollLoop : public system::EventLoop {
public:
    using TimePoint = system::EventLoop::TimePoint;

    [[nodiscard]] TimePoint now() const override { return system::BootClock::now(); }

    void post(std::function<void()> action) override
    {
        {
            const std::lock_guard lock{posted_mutex_};
            posted_.push_back(std::move(action));
        }
        ::eventfd_write(wake_.get(), 1);
    }

    system::Subscription after(std::chrono::nanoseconds delay,
                               std::function<void()> action) override
    {
        const Key key{now() + delay, ++state_->serial};
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

    /// Runs until `finished()`; false when `limit` passes first.
    bool run_until(const std::function<bool()>& finished,
                   std::chrono::milliseconds limit = std::chrono::seconds{20})
    {
        const TimePoint end = now() + limit;
        while (!finished()) {
            if (now() >= end) {
                return false;
            }
            turn(end);
        }
        return true;
    }

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

    void turn(TimePoint end)
    {
        std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
        std::vector<std::uint64_t> serials{0};
        for (const auto& [serial, watch] : state_->watches) {
            const int events =
                (watch.interest.readable ? POLLIN : 0) | (watch.interest.writable ? POLLOUT : 0);
            fds.push_back({watch.fd, static_cast<short>(events), 0});
            serials.push_back(serial);
        }
        if (!state_->timers.empty()) {
            end = std::min(end, state_->timers.begin()->first.first);
        }
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(end - now()).count();
        ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000)));
        tell_watches(fds, serials);
        run_timers();
        run_posted();
    }

    void tell_watches(const std::vector<pollfd>& fds, const std::vector<std::uint64_t>& serials)
    {
        for (std::size_t i = 1; i < fds.size(); ++i) {
            const auto found = state_->watches.find(serials[i]);
            if (fds[i].revents == 0 || found == state_->watches.end()) {
                continue;
            }
            const auto action = found->second.action; // it may cancel its own watch
            action({(fds[i].revents & POLLIN) != 0, (fds[i].revents & POLLOUT) != 0,
                    (fds[i].revents & (POLLHUP | POLLERR)) != 0});
        }
    }

    void run_timers()
    {
        while (!state_->timers.empty() && state_->timers.begin()->first.first <= now()) {
            const auto timer = state_->timers.extract(state_->timers.begin());
            timer.mapped()();
        }
    }

    void run_posted()
    {
        eventfd_t ignored = 0;
        ::eventfd_read(wake_.get(), &ignored);
        std::deque<std::function<void()>> actions;
        {
            const std::lock_guard lock{posted_mutex_};
            actions.swap(posted_);
        }
        for (const auto& action : actions) {
            action();
        }
    }

    std::shared_ptr<State> state_ = std::make_shared<State>(); // outlived by subscriptions
    UniqueFd wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::mutex posted_mutex_;
    std::deque<std::function<void()>> posted_;
};

} // namespace frostline::test
