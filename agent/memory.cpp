// SPDX-License-Identifier: Apache-2.0
#include "memory.hpp"

#include "common/log.hpp"

#include <cerrno>
#include <chrono>
#include <utility>

#include <malloc.h>
#include <sys/mman.h>

namespace frostline::memory {

namespace {

constexpr std::chrono::seconds quiet{1};

} // namespace

void keep_what_is_freed()
{
    // NOLINTBEGIN(concurrency-mt-unsafe): start-up, one thread
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20); // the most that malloc takes; beyond it, mmap as ever
    ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
    ::mallopt(M_ARENA_MAX, 1); // the workers' blocks are given back by one trim, too
    // NOLINTEND(concurrency-mt-unsafe)
}

Result<void> lock()
{
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0) {
        return fail_errno("cannot lock the agent in memory", errno);
    }
    return {};
}

void give_back()
{
    ::munlockall();
    ::malloc_trim(0);
    if (const Result<void> locked = lock(); !locked) {
        log::debug(locked.error().message());
    }
}

GiveBackLater::GiveBackLater(system::EventLoop& loop, std::function<bool()> may)
    : loop_(loop), may_(std::move(may))
{}

void GiveBackLater::touch()
{
    touched_ = true;
    if (!timer_.active()) {
        arm();
    }
}

void GiveBackLater::arm()
{
    touched_ = false;
    timer_ = loop_.after(quiet, [this] { on_timer(); });
}

void GiveBackLater::on_timer()
{
    if (touched_ || !may_()) {
        arm();
        return;
    }
    timer_.cancel();
    give_back();
}

} // namespace frostline::memory
