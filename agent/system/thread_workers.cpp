// SPDX-License-Identifier: Apache-2.0
#include "system/thread_workers.hpp"

#include "common/log.hpp"
#include "common/result.hpp"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include <pthread.h>

namespace frostline::system {

namespace {

// Enough for a system call and a std::string; the default of 8 MiB would be locked in memory.
constexpr std::size_t stack_size = std::size_t{256} * 1024;

} // namespace

struct ThreadWorkers::Shared {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Work> queue;
    std::size_t idle = 0;      ///< threads that wait, or have just been created and will
    bool closing = false;      ///< idle threads end
    EventLoop* loop = nullptr; ///< null once the owner is gone

    static void* run(void* argument);
    void serve();
    static bool start_thread(const std::shared_ptr<Shared>& shared);
};

void* ThreadWorkers::Shared::run(void* argument)
{
    const std::unique_ptr<std::shared_ptr<Shared>> shared{
        static_cast<std::shared_ptr<Shared>*>(argument)};
    (*shared)->serve();
    return nullptr;
}

void ThreadWorkers::Shared::serve()
{
    std::unique_lock lock{mutex};
    for (;;) {
        wake.wait(lock, [this] { return closing || !queue.empty(); });
        if (closing) {
            return;
        }
        Work work = std::move(queue.front());
        queue.pop_front();
        --idle;
        lock.unlock();
        Continuation continuation = work();
        work = nullptr; // what it captured dies here, before the loop hears of the result
        lock.lock();
        ++idle;
        // Posting under the lock: the loop cannot go away in between.
        if (loop != nullptr && continuation) {
            loop->post(std::move(continuation));
        }
    }
}

bool ThreadWorkers::Shared::start_thread(const std::shared_ptr<Shared>& shared)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_size);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // inherited: signals are the main thread's
    auto argument = std::make_unique<std::shared_ptr<Shared>>(shared);
    pthread_t thread{};
    const int error = pthread_create(&thread, &attributes, &Shared::run, argument.get());
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        log::warning("cannot start a worker thread", errno_text(error));
        return false;
    }
    static_cast<void>(argument.release()); // the thread owns it now
    return true;
}

ThreadWorkers::ThreadWorkers(EventLoop& loop) : shared_(std::make_shared<Shared>())
{
    shared_->loop = &loop;
}

ThreadWorkers::~ThreadWorkers()
{
    const std::lock_guard lock{shared_->mutex};
    shared_->closing = true;
    shared_->loop = nullptr;
    shared_->queue.clear();
    shared_->wake.notify_all();
}

void ThreadWorkers::prepare(std::size_t count)
{
    const std::lock_guard lock{shared_->mutex};
    while (shared_->idle < shared_->queue.size() + count && Shared::start_thread(shared_)) {
        ++shared_->idle; // not before: it waits for the mutex held here
    }
}

void ThreadWorkers::submit(Work work)
{
    {
        const std::lock_guard lock{shared_->mutex};
        shared_->queue.push_back(std::move(work));
        if (shared_->idle < shared_->queue.size() && Shared::start_thread(shared_)) {
            ++shared_->idle;
        }
    }
    shared_->wake.notify_one(); // not under the lock: it would wake only to wait for that
}

} // namespace frostline::system
