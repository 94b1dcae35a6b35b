// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/event_loop.hpp"
#include "system/workers.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace frostline::system {

/// Runs calls that may never come back, as when a disk or a server is hung, one after another on
/// workers, and goes on without those that take too long. What is out is not asked again before it
/// has come back: a question asked every minute costs one thread, not one a minute. Loop thread
/// only.
template <typename T>
class LimitedCalls {
public:
    struct Call {
        std::string subject;             ///< what is asked, for messages; the same one waits
        std::function<Result<T>()> work; ///< on a worker; owns what it uses
    };
    using Results = std::vector<Result<T>>;
    using Done = std::function<void(Results)>;

    /// `limit` is for each call. Both parts must outlive this and every run.
    LimitedCalls(EventLoop& loop, Workers& workers, std::chrono::milliseconds limit)
        : loop_(loop), workers_(workers), limit_(limit)
    {}

    /// Calls `done` with a result for each call, in their order; ErrorKind::timeout for one that
    /// was left behind. Never from inside, unless there are no calls or all of them are out.
    void run(std::vector<Call> calls, Done done)
    {
        auto run = std::make_shared<Run>();
        run->calls = std::move(calls);
        run->done = std::move(done);
        next(run);
    }

private:
    struct Run {
        std::vector<Call> calls;
        std::size_t position = 0; ///< of the call that is waited for
        Results results;
        Done done;
        Subscription limit;
    };

    /// Keeps the run alive by the work only, so that nothing of it is left when the loop goes.
    void next(const std::shared_ptr<Run>& run)
    {
        for (; run->position < run->calls.size(); ++run->position) {
            const std::string& subject = run->calls[run->position].subject;
            if (out_->count(subject) == 0) {
                return start(run, run->position);
            }
            run->results.push_back(no_answer(subject));
        }
        run->done(std::move(run->results));
    }

    void start(const std::shared_ptr<Run>& run, std::size_t index)
    {
        const std::string subject = run->calls[index].subject;
        out_->insert(subject);
        run->limit = loop_.after(limit_, [this, weak = std::weak_ptr{run}, subject] {
            if (const auto late = weak.lock()) {
                late->results.push_back(no_answer(subject));
                ++late->position;
                next(late);
            }
        });
        run_on(workers_, std::move(run->calls[index].work),
               [this, out = out_, run, index, subject](Result<T> result) {
                   out->erase(subject);
                   if (run->position == index) { // not gone on without it
                       run->limit.cancel();
                       run->results.push_back(std::move(result));
                       ++run->position;
                       next(run);
                   }
               });
    }

    static Result<T> no_answer(const std::string& subject)
    {
        return fail(ErrorKind::timeout, subject + ": no answer");
    }

    EventLoop& loop_;
    Workers& workers_;
    std::chrono::milliseconds limit_;
    std::shared_ptr<std::set<std::string>> out_ = std::make_shared<std::set<std::string>>();
};

} // namespace frostline::system
