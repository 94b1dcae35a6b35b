// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

namespace frostline::memory {

/// Locks every page that the agent has touched or will touch: what it has used once needs no swap
/// while a file system is frozen, and what it never uses costs nothing (mlockall(2), MCL_ONFAULT).
/// A fork drops it.
[[nodiscard]] Result<void> lock();

/// Gives the free memory of the heap back to the kernel. For the time after a large message: the
/// allocator by itself keeps the heap of a million small strings for as long as one live block
/// lies above it. Unlocks the memory for a moment, since the kernel does not take locked pages
/// back (madvise(2), EINVAL): not while something is frozen.
void give_back();

} // namespace frostline::memory
