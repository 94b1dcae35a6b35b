// SPDX-License-Identifier: Apache-2.0
#include "system/run_tag.hpp"

#include "common/unique_fd.hpp"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstring>
#include <memory>
#include <set>

namespace frostline::system {

namespace {

constexpr std::uint64_t for_ever = std::uint64_t{1} << 62U; // microseconds: 146 000 years

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// Kills what wears the tag now and is not in `hit` yet.
std::size_t kill_once(std::uint64_t tag, std::set<pid_t>& hit)
{
    const std::unique_ptr<DIR, CloseDirectory> proc{::opendir("/proc")};
    if (!proc) {
        return 0;
    }
    std::size_t count = 0;
    while (const dirent* entry = ::readdir(proc.get())) { // NOLINT(concurrency-mt-unsafe): own DIR
        const char* name = static_cast<const char*>(entry->d_name);
        const char* end = name + std::strlen(name);
        pid_t pid = 0;
        if (std::from_chars(name, end, pid).ptr != end || hit.count(pid) != 0 ||
            !wears_run_tag(pid, tag)) {
            continue;
        }
        // Looked at again once the descriptor pins it: the number may have a new owner by now.
        const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
        if (process && wears_run_tag(pid, tag)) {
            ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0U);
            hit.insert(pid);
            ++count;
        }
    }
    return count;
}

} // namespace

std::uint64_t next_run_tag() noexcept
{
    static std::atomic<std::uint32_t> serial{0};
    // A process id has at most 22 bits (proc(5), pid_max).
    return for_ever | (static_cast<std::uint64_t>(::getpid()) << 32U) | ++serial;
}

bool wear_run_tag(std::uint64_t tag) noexcept
{
    const rlimit limit{tag, tag};
    return ::setrlimit(RLIMIT_RTTIME, &limit) == 0;
}

bool wears_run_tag(pid_t pid, std::uint64_t tag) noexcept
{
    rlimit limit{};
    return pid > 1 && ::prlimit(pid, RLIMIT_RTTIME, nullptr, &limit) == 0 && limit.rlim_max == tag;
}

std::size_t kill_tagged(std::uint64_t tag)
{
    // A process that forks faster than it is found gets away from one pass, not from several; the
    // bound is for one that is stuck in the kernel with ever new threads of life around it.
    constexpr int passes = 16;
    std::set<pid_t> hit;
    for (int pass = 0; pass < passes; ++pass) {
        if (kill_once(tag, hit) == 0) {
            break;
        }
    }
    return hit.size();
}

} // namespace frostline::system
