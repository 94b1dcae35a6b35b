// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace frostline::guard {

/// Leaves this process, with all its threads and for good, only the system calls that a waiting
/// guard makes: waiting, its socket, its timer, FITHAW, and the end. Any other one fails with
/// EPERM: a guard that is killed for a call nobody thought of would thaw nothing.
/// 0, or an errno: ENOSYS or EINVAL from a kernel without seccomp, ENOTSUP on a processor this is
/// not built for. Thread: any one of them; call it when all threads are there.
/// Source: seccomp(2), SECCOMP_FILTER_FLAG_TSYNC (Linux 3.17).
int keep_only_needed_calls();

} // namespace frostline::guard
