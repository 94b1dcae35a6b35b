// SPDX-License-Identifier: Apache-2.0
#include "system/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace frostline::system {

namespace {

rlimit before{};     // what the agent was started with
bool raised = false; // whether `before` is set

} // namespace

std::size_t raise_descriptor_limit(std::size_t most)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    const rlimit had = limit;
    const rlim_t wanted = std::min<rlim_t>(most, limit.rlim_max);
    if (limit.rlim_cur >= wanted) {
        return static_cast<std::size_t>(limit.rlim_cur);
    }
    limit.rlim_cur = wanted;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return static_cast<std::size_t>(had.rlim_cur);
    }
    before = had;
    raised = true;
    return static_cast<std::size_t>(wanted);
}

bool restore_descriptor_limit() noexcept
{
    return !raised || ::setrlimit(RLIMIT_NOFILE, &before) == 0;
}

} // namespace frostline::system
