// SPDX-License-Identifier: Apache-2.0
// Becomes a program, and kills it when it makes, between its first FIFREEZE and its last FITHAW, a
// system call that could wait for a frozen file system: writing to a file, looking up a name,
// loading a program, starting a thread. What only waits, reads, uses memory or stays on tmpfs, proc
// and sysfs is allowed. Its children are not judged.
//
//   frozen-calls [--lookups] REPORT PROGRAM ARGUMENTS...
//
// --lookups: finding out where a name leads is allowed on any file system. It reads, and reading
// does not wait for a thaw; but on the way to a thaw not even that should be needed. REPORT gets a
// line "wrong: ..." for that call, and "freezes: N" when the program and all that it has started
// are gone.
#include "filter.hpp"
#include "judge.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int cannot_run = 125;

[[noreturn]] void give_up(const char* what)
{
    std::perror(what);
    std::_Exit(cannot_run);
}

void send_descriptor(int socket, int descriptor)
{
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)]{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (::sendmsg(socket, &message, 0) < 0) {
        give_up("frozen-calls: sendmsg");
    }
}

int receive_descriptor(int socket)
{
    char byte = 0;
    iovec data{&byte, 1};
    int descriptor = -1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)]{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0 || CMSG_FIRSTHDR(&message) == nullptr) {
        std::_Exit(cannot_run); // the program could not be put under the filter and has said so
    }
    std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    return descriptor;
}

/// Answers calls until nobody is left who could make one.
[[noreturn]] void supervise(int listener, Judge judge, const char* report_path)
{
    std::ofstream report{report_path};
    for (;;) {
        pollfd ready{listener, POLLIN, 0};
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR) {
            give_up("frozen-calls: poll");
        }
        if ((ready.revents & POLLIN) == 0) {
            if ((ready.revents & (POLLHUP | POLLERR)) != 0) {
                break;
            }
            continue;
        }
        seccomp_notif call{};
        if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
            continue; // its process has just been killed
        }
        if (const auto wrong = judge.wrong(call)) {
            report << "wrong: " << *wrong << std::endl;
            ::kill(judge.watched(), SIGKILL);
        }
        seccomp_notif_resp answer{};
        answer.id = call.id;
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); // fails when it has been killed
    }
    report << "freezes: " << judge.freezes() << std::endl;
    std::_Exit(0);
}

/// Not a child of the program, which knows its children.
void start_supervisor(int socket, const Judge& judge, const char* report_path)
{
    const pid_t between = ::fork();
    if (between < 0) {
        give_up("frozen-calls: fork");
    }
    if (between > 0) {
        ::waitpid(between, nullptr, 0);
        return;
    }
    if (const pid_t supervisor = ::fork(); supervisor != 0) {
        std::_Exit(supervisor < 0 ? cannot_run : 0);
    }
    ::setsid();
    supervise(receive_descriptor(socket), judge, report_path);
}

} // namespace

int main(int argc, char** argv)
{
    const bool lookups = argc > 1 && std::strcmp(argv[1], "--lookups") == 0;
    argv += lookups ? 1 : 0;
    argc -= lookups ? 1 : 0;
    if (argc < 3) {
        std::fprintf(stderr, "usage: frozen-calls [--lookups] REPORT PROGRAM ARGUMENTS...\n");
        return cannot_run;
    }
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        give_up("frozen-calls: socketpair");
    }
    start_supervisor(pair[1], Judge{::getpid(), lookups}, argv[1]);
    ::close(pair[1]);
    const int listener = ask_about_calls();
    if (listener < 0) {
        give_up("frozen-calls: seccomp");
    }
    send_descriptor(pair[0], listener);
    ::execv(argv[2], argv + 2);
    give_up("frozen-calls: exec");
}
