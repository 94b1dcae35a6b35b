// SPDX-License-Identifier: Apache-2.0
#include "guard/call_filter.hpp"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace frostline::guard {

namespace {

#if defined(__x86_64__) && !defined(__ILP32__)
constexpr uint32_t our_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
constexpr uint32_t our_arch = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr uint32_t our_arch = AUDIT_ARCH_RISCV64;
#else
constexpr uint32_t our_arch = 0;
#endif

/// What poll(), recvmsg(), send(), read(), the mutexes and _exit() of libc come down to. The last
/// two are for an interrupted wait and the end of a signal, which the kernel may bring in.
constexpr long needed_calls[] = {
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_ppoll,        SYS_recvmsg,         SYS_sendto,
    SYS_read,         SYS_timerfd_settime, SYS_futex,
    SYS_exit,         SYS_exit_group,      SYS_restart_syscall,
    SYS_rt_sigreturn,
};
constexpr size_t needed_count = sizeof needed_calls / sizeof needed_calls[0];

constexpr uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;

constexpr sock_filter load(size_t offset)
{
    return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(offset)};
}

/// Goes on with the next instruction where equal, else passes over `otherwise` of them.
constexpr sock_filter unless(uint32_t value, uint8_t otherwise)
{
    return {BPF_JMP | BPF_JEQ | BPF_K, 0, otherwise, value};
}

constexpr sock_filter answer(uint32_t action)
{
    return {BPF_RET | BPF_K, 0, 0, action};
}

} // namespace

int keep_only_needed_calls()
{
    if (our_arch == 0) {
        return ENOTSUP;
    }
    sock_filter program[9 + 2 * needed_count + 1];
    unsigned short length = 0;
    const auto add = [&](sock_filter instruction) { program[length++] = instruction; };

    // Numbers mean something else in another calling convention.
    add(load(offsetof(seccomp_data, arch)));
    add({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, our_arch});
    add(answer(refuse));
    add(load(offsetof(seccomp_data, nr)));
    add(unless(SYS_ioctl, 4));
    // All three processors are little-endian: the low half, all of it that the kernel looks at.
    add(load(offsetof(seccomp_data, args[1])));
    add(unless(FITHAW, 1));
    add(answer(SECCOMP_RET_ALLOW));
    add(answer(refuse));
    for (const long call : needed_calls) {
        add(unless(static_cast<uint32_t>(call), 1));
        add(answer(SECCOMP_RET_ALLOW));
    }
    add(answer(refuse));

    const sock_fprog whole{length, program};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return errno;
    }
    const long result =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &whole);
    if (result > 0) { // the thread that could not follow
        return ESRCH;
    }
    return result < 0 ? errno : 0;
}

} // namespace frostline::guard
