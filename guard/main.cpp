// SPDX-License-Identifier: Apache-2.0
//
// frostline-guard: thaws what the agent has frozen when the deadline passes or the agent dies.
// Knows descriptors and a moment, nothing else. Everything it may need is there before it says
// "ready": threads, memory, timer. From then on it allocates nothing and opens nothing, because
// the file systems it would read from are the ones that are frozen.
#include "guard/call_filter.hpp"
#include "guard/protocol.hpp"
#include "guard/thawers.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace frostline::guard {

namespace {

constexpr int agent_died_signal = SIGUSR1;
constexpr long retry_ns = 250000000;

struct Guard {
    Thawers thawers;
    int timer = -1;
    int signals = -1;
    bool armed = false;
    bool thawing = false;
};

Guard guard; // static: nothing here is ever on the heap

void say(Event event, int os_error)
{
    const Reply reply{protocol_version, event, os_error, 0};
    // Never waits: an agent that does not read must not hold up the thaw.
    static_cast<void>(::send(socket_fd, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL));
}

[[noreturn]] void give_up(int os_error)
{
    say(Event::failed, os_error);
    ::_exit(1);
}

void exempt_from_oom_killer()
{
    const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        // Best effort: without CAP_SYS_RESOURCE the guard works, but may be chosen as a victim.
        static_cast<void>(!::write(fd, "-1000", 5));
        ::close(fd);
    }
}

/// Only the death of the agent's main thread arrives as a signal; everything else is ignored. A
/// service manager that ends the whole group sends TERM to the guard, too, while the agent thaws.
void prepare_signals()
{
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, agent_died_signal);
    guard.signals = ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    // The socket alone is not enough: while one of the agent's threads is stuck in FIFREEZE, a
    // killed agent keeps its descriptors open, and only its main thread's end can be seen.
    if (guard.signals < 0 || ::prctl(PR_SET_PDEATHSIG, agent_died_signal) != 0) {
        give_up(errno);
    }
}

void start(uint32_t count)
{
    if (count != guard.thawers.count() || guard.timer >= 0) {
        give_up(EBADMSG);
    }
    guard.timer = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (guard.timer < 0) {
        give_up(errno);
    }
    if (const int error = guard.thawers.start(); error != 0) {
        give_up(error);
    }
    // After the threads: their stacks, and every page of the program and libc, stay in memory.
    // Where the limit forbids it, the guard still works as long as no page has to be read.
    static_cast<void>(::mlockall(MCL_CURRENT | MCL_FUTURE));
    // A kernel without seccomp is no reason to go unguarded; any other refusal is a fault of ours.
    const int error = keep_only_needed_calls();
    if (error != 0 && error != ENOSYS && error != EINVAL && error != ENOTSUP) {
        give_up(error);
    }
    say(Event::ready, 0);
}

void arm(int64_t deadline_ns)
{
    if (guard.timer < 0) { // no start came before: there are no threads to thaw with
        give_up(EBADMSG);
    }
    if (deadline_ns > 0) {
        constexpr int64_t second = 1000000000;
        itimerspec when{};
        when.it_value.tv_sec = static_cast<time_t>(deadline_ns / second);
        when.it_value.tv_nsec = static_cast<long>(deadline_ns % second);
        // Again and again after it: a FIFREEZE that was in the kernel at the deadline may succeed
        // at any later time, and an agent that is stopped or hung does not take care of that.
        when.it_interval.tv_nsec = retry_ns;
        if (::timerfd_settime(guard.timer, TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
            give_up(errno);
        }
    }
    guard.armed = true;
    say(Event::armed, 0);
}

void handle(const Request& request)
{
    if (request.version != protocol_version) {
        give_up(EPROTO);
    }
    switch (request.verb) {
    case Verb::add:
        break; // its descriptors have been taken
    case Verb::start:
        start(request.value);
        break;
    case Verb::arm:
        arm(request.deadline_ns);
        break;
    case Verb::forget:
        guard.thawers.forget(request.value);
        break;
    case Verb::disarm:
        ::_exit(0);
    }
}

bool take_descriptors(const msghdr& message)
{
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            ::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            if (guard.timer >= 0 || !guard.thawers.add(fd)) { // later ones would have no thread
                return false;
            }
        }
    }
    return (message.msg_flags & MSG_CTRUNC) == 0;
}

/// Reads one message; false at the end of the socket.
bool read_message()
{
    Request request{};
    iovec data{&request, sizeof request};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_per_message)];
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
        return false;
    }
    const bool whole = static_cast<size_t>(got) == sizeof request && take_descriptors(message);
    if (whole) {
        handle(request);
    } else if (!guard.armed) { // once armed, a message that makes no sense changes nothing
        give_up(EBADMSG);
    }
    return true;
}

void thaw_now()
{
    if (guard.armed && !guard.thawing) {
        guard.thawing = true;
        guard.thawers.thaw();
    }
}

void drain(int fd)
{
    char buffer[512];
    static_cast<void>(!::read(fd, buffer, sizeof buffer));
}

/// The agent is gone with all its threads, so no FIFREEZE of its is under way any more: what the
/// first pass found not frozen may have become frozen since, and gets a second one.
[[noreturn]] void finish()
{
    if (guard.armed) {
        thaw_now();
        guard.thawers.thaw_rest();
        guard.thawers.wait();
    }
    ::_exit(0);
}

[[noreturn]] void run()
{
    exempt_from_oom_killer();
    prepare_signals();
    for (;;) {
        pollfd ready[] = {{socket_fd, POLLIN, 0},
                          {guard.signals, POLLIN, 0},
                          {guard.timer, POLLIN, 0}}; // -1 before start: poll skips it
        if (::poll(ready, 3, -1) < 0) {
            continue;
        }
        if ((ready[1].revents & POLLIN) != 0) {
            drain(guard.signals);
            thaw_now();
            if (!guard.armed) {
                ::_exit(0);
            }
        }
        if ((ready[2].revents & POLLIN) != 0) {
            drain(guard.timer);
            if (guard.thawing) {
                guard.thawers.thaw_rest();
            } else {
                thaw_now();
                say(Event::expired, 0);
            }
        }
        if (ready[0].revents != 0 && !read_message()) {
            finish();
        }
    }
}

} // namespace

} // namespace frostline::guard

int main()
{
    frostline::guard::run();
}
