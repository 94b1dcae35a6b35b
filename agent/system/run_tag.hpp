// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

/// A mark on everything that one child starts, so that it can be found again after it has left the
/// child's process group, session and parent (double fork, setsid).
///
/// The mark is the process' limit on realtime CPU time (RLIMIT_RTTIME, getrlimit(2)), set to one of
/// 2^61 values that all mean "for ever": it is inherited by fork and exec, survives a change of
/// user and an emptied environment, and can be read with prlimit(2), which takes no lock of the
/// target's memory. Reading /proc/PID/environ does, and hangs when the target waits on a frozen
/// file system.
namespace frostline::system {

/// A tag that no other child of any agent on this machine has. Any thread.
[[nodiscard]] std::uint64_t next_run_tag() noexcept;

/// Puts the tag on the calling process. Async-signal-safe; for the child between fork and exec.
[[nodiscard]] bool wear_run_tag(std::uint64_t tag) noexcept;

/// Whether process `pid` wears the tag; false when it is gone or may not be looked at.
[[nodiscard]] bool wears_run_tag(pid_t pid, std::uint64_t tag) noexcept;

/// KILLs every process that wears the tag, those that are born meanwhile too. Returns how many were
/// hit. One that waits in the kernel dies only when the kernel lets go of it; this never waits.
std::size_t kill_tagged(std::uint64_t tag);

} // namespace frostline::system
