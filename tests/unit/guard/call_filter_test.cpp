// SPDX-License-Identifier: Apache-2.0
#include "guard/call_filter.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace frostline::guard {

namespace {

constexpr int no_seccomp = 100;

/// The errno (0: success) that a call has in a child under the filter; no_seccomp without one.
/// By syscall(), the end too: where a sanitizer sees a function that never returns it makes calls
/// of its own, and the filter lets none of them through.
template <class... Arguments>
int filtered(long number, Arguments... arguments)
{
    const pid_t child = ::fork();
    if (child == 0) {
        const int error = keep_only_needed_calls();
        if (error != 0) {
            ::_exit(error == ENOSYS || error == EINVAL || error == ENOTSUP ? no_seccomp : 101);
        }
        const long result = ::syscall(number, arguments...);
        ::syscall(SYS_exit_group, result < 0 ? errno : 0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

class CallFilter : public testing::Test {
protected:
    void SetUp() override
    {
        if (filtered(SYS_exit_group, 0) == no_seccomp) {
            GTEST_SKIP() << "no seccomp on this kernel or processor";
        }
    }
};

TEST_F(CallFilter, LeavesWaitingAndTheSocket)
{
    // Bad arguments: each comes back at once, from the call itself.
    timespec never{-1, 0};
    EXPECT_EQ(filtered(SYS_ppoll, nullptr, 0UL, &never, nullptr, 0UL), EINVAL);
    EXPECT_EQ(filtered(SYS_recvmsg, -1, nullptr, 0), EBADF);
    EXPECT_EQ(filtered(SYS_sendto, -1, nullptr, 0UL, 0, nullptr, 0), EBADF);
    EXPECT_EQ(filtered(SYS_read, -1, nullptr, 0UL), EBADF);
    EXPECT_EQ(filtered(SYS_futex, nullptr, 0xff, 0), ENOSYS); // no such operation
}

TEST_F(CallFilter, LetsThawThroughButNoOtherIoctl)
{
    EXPECT_EQ(filtered(SYS_ioctl, -1, static_cast<unsigned long>(FITHAW), 0UL), EBADF);
    EXPECT_EQ(filtered(SYS_ioctl, -1, static_cast<unsigned long>(FIFREEZE), 0UL), EPERM);
    // A request that happens to be the number of a call that is let through.
    EXPECT_EQ(filtered(SYS_ioctl, -1, static_cast<unsigned long>(SYS_read), 0UL), EPERM);
}

TEST_F(CallFilter, RefusesFilesProgramsAndSockets)
{
    EXPECT_EQ(filtered(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY), EPERM);
    EXPECT_EQ(filtered(SYS_write, 1, "x", 0UL), EPERM);
    EXPECT_EQ(filtered(SYS_execve, "/bin/true", nullptr, nullptr), EPERM);
    EXPECT_EQ(filtered(SYS_socket, 1, 1, 0), EPERM);
    EXPECT_EQ(filtered(SYS_mmap, nullptr, 4096UL, 0, 0x22, -1, 0L), EPERM);
    EXPECT_EQ(filtered(SYS_kill, ::getpid(), 0), EPERM);
}

} // namespace

} // namespace frostline::guard
