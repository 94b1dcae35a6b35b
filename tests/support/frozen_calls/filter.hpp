// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Puts the calling process, and what it will start, under a filter that lets pass what only waits,
/// reads or uses memory, and asks a supervisor about every other call. The descriptor to hear them
/// on; -1 with errno. Source: seccomp_unotify(2).
int ask_about_calls();
