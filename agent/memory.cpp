// SPDX-License-Identifier: Apache-2.0
#include "memory.hpp"

#include "common/log.hpp"

#include <cerrno>

#include <malloc.h>
#include <sys/mman.h>

namespace frostline::memory {

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

} // namespace frostline::memory
