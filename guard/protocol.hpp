// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/// What the agent and its freeze guard say to each other: fixed structs over a SOCK_SEQPACKET
/// socket pair, which is descriptor 3 of the guard. Both come from one build, but an upgrade may
/// replace the guard's file while an older agent runs: hence the version.
///
///   agent -> guard                         guard -> agent
///   add (1..64 descriptors attached) ...
///   start (count = all of them)            ready     threads are there, memory is locked
///   arm (deadline)                         armed     from here on the guard thaws
///   forget (index) ...                               not ours (any more): never thaw that one
///   disarm                                           the guard exits without thawing
///                                          expired   the deadline has passed, it is thawing
///                                          failed    (before armed) error, and it exits
///
/// The end of the socket or the death of the agent's main thread while armed: the guard thaws all.
/// Before arm: it exits.
namespace frostline::guard {

constexpr uint32_t protocol_version = 1;
constexpr int socket_fd = 3;
constexpr uint32_t most_filesystems = 1024;
constexpr uint32_t most_per_message = 64; // well under the kernel's SCM_MAX_FD of 253

enum class Verb : uint32_t { add = 1, start, arm, forget, disarm };

struct Request {
    uint32_t version;
    Verb verb;
    uint32_t value;      ///< start: count of file systems; forget: index in order of adding
    uint32_t padding;    ///< 0
    int64_t deadline_ns; ///< arm: on CLOCK_BOOTTIME; 0: none
};

enum class Event : uint32_t { ready = 1, armed, expired, failed };

struct Reply {
    uint32_t version;
    Event event;
    int32_t os_error; ///< failed: errno
    uint32_t padding; ///< 0
};

} // namespace frostline::guard
