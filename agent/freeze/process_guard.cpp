// SPDX-License-Identifier: Apache-2.0
#include "freeze/process_guard.hpp"

#include "guard/protocol.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace frostline::freeze {

namespace {

constexpr std::chrono::seconds answer_limit{5};

/// The one thing that is waited for, and who waits.
using Waiter = std::function<void(Result<void>)>;

class ProcessGuard : public Guard {
public:
    ProcessGuard(system::EventLoop& loop, system::Workers& workers, UniqueFd socket, pid_t pid,
                 GuardEvents events)
        : loop_(loop), workers_(workers), socket_(std::move(socket)), pid_(pid),
          events_(std::move(events))
    {
        watch_ = loop_.watch(socket_.get(), {true, false}, [this](auto) { read(); });
    }
    ProcessGuard(const ProcessGuard&) = delete;
    ProcessGuard& operator=(const ProcessGuard&) = delete;
    ~ProcessGuard() override { reap(); }

    Result<void> hand_over(const GuardStarter::Mounts& mounts);
    void wait_for_ready(Waiter done) { expect(guard::Event::ready, std::move(done)); }

    void arm(std::optional<system::EventLoop::TimePoint> deadline,
             std::function<void(Result<void>)> done) override
    {
        const std::int64_t at =
            deadline ? std::max<std::int64_t>(deadline->time_since_epoch().count(), 1) : 0;
        expect(guard::Event::armed, std::move(done));
        send_or_fail({guard::protocol_version, guard::Verb::arm, 0, 0, at});
    }

    void forget(std::size_t index) override
    {
        static_cast<void>(send({guard::protocol_version, guard::Verb::forget,
                                static_cast<std::uint32_t>(index), 0, 0}));
    }

    void disarm() override
    {
        leaving_ = true; // what it says or how it ends is of no interest from here on
        static_cast<void>(send({guard::protocol_version, guard::Verb::disarm, 0, 0, 0}));
    }

private:
    Result<void> send(const guard::Request& request, const std::vector<int>& descriptors = {});
    void send_or_fail(const guard::Request& request);
    void expect(guard::Event event, Waiter done);
    void settle(Result<void> result);
    void read();
    void end(const std::string& reason);
    void reap();

    system::EventLoop& loop_;
    system::Workers& workers_;
    UniqueFd socket_;
    pid_t pid_;
    GuardEvents events_;
    guard::Event expected_ = guard::Event::ready;
    Waiter waiter_;
    bool leaving_ = false;
    system::Subscription watch_;
    system::Subscription limit_;
};

Result<void> ProcessGuard::send(const guard::Request& request, const std::vector<int>& descriptors)
{
    guard::Request copy = request;
    iovec data{&copy, sizeof copy};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * guard::most_per_message)> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        cmsghdr* const part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof(int) * descriptors.size());
    }
    // The guard reads everything at once, so the buffer never fills; waiting for it is no option.
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        return fail_errno("talking to the freeze guard", errno);
    }
    return {};
}

void ProcessGuard::send_or_fail(const guard::Request& request)
{
    if (Result<void> sent = send(request); !sent) {
        // Through the timer: done may not be called from inside arm().
        limit_ = loop_.after(std::chrono::nanoseconds{0},
                             [this, error = sent.error()] { settle(fail(error)); });
    }
}

Result<void> ProcessGuard::hand_over(const GuardStarter::Mounts& mounts)
{
    if (mounts.size() > guard::most_filesystems) {
        return fail(ErrorKind::unsupported, "the freeze guard can watch 1024 file systems, not " +
                                                std::to_string(mounts.size()) +
                                                "; exclude some of them");
    }
    std::vector<int> batch;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
        batch.push_back(mounts[i]->directory.get());
        if (batch.size() == guard::most_per_message || i + 1 == mounts.size()) {
            Result<void> sent = send({guard::protocol_version, guard::Verb::add, 0, 0, 0}, batch);
            if (!sent) {
                return sent;
            }
            batch.clear();
        }
    }
    return send({guard::protocol_version, guard::Verb::start,
                 static_cast<std::uint32_t>(mounts.size()), 0, 0});
}

void ProcessGuard::expect(guard::Event event, Waiter done)
{
    expected_ = event;
    waiter_ = std::move(done);
    limit_ = loop_.after(answer_limit, [this] {
        settle(fail(ErrorKind::timeout, "the freeze guard did not answer within 5s"));
    });
}

/// The waiter may destroy this object: nothing of it is touched afterwards.
void ProcessGuard::settle(Result<void> result)
{
    limit_ = {};
    if (const Waiter waiter = std::exchange(waiter_, nullptr)) {
        waiter(std::move(result));
    }
}

void ProcessGuard::read()
{
    guard::Reply reply{};
    const ssize_t got = ::recv(socket_.get(), &reply, sizeof reply, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got != static_cast<ssize_t>(sizeof reply)) {
        return end("the freeze guard ended unexpectedly");
    }
    if (reply.version != guard::protocol_version) {
        return end("the freeze guard is of another version; restart the agent");
    }
    if (reply.event == guard::Event::failed) {
        return end("the freeze guard failed: " + errno_text(reply.os_error));
    }
    if (reply.event == guard::Event::expired) {
        const auto expired = events_.expired;
        return expired ? expired() : void();
    }
    if (reply.event == expected_) {
        settle({});
    }
}

void ProcessGuard::end(const std::string& reason)
{
    watch_ = {}; // otherwise the end of the socket would be reported for ever
    if (waiter_) {
        return settle(fail(ErrorKind::io, reason));
    }
    const auto lost = events_.lost;
    if (!leaving_ && lost) {
        lost(reason);
    }
}

/// On a worker: a guard that is stuck in FITHAW cannot be waited for here.
void ProcessGuard::reap()
{
    watch_ = {};
    limit_ = {};
    socket_.reset();
    workers_.submit([pid = pid_]() -> system::Workers::Continuation {
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        return nullptr;
    });
}

/// The guard's file actions and attributes, freed on every way out.
struct SpawnSetup {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    SpawnSetup()
    {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
    }
    SpawnSetup(const SpawnSetup&) = delete;
    SpawnSetup& operator=(const SpawnSetup&) = delete;
    ~SpawnSetup()
    {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
};

Result<pid_t> spawn(const std::string& program, int socket)
{
    SpawnSetup setup;
    // First away from 0 to 3, where it could be overwritten or survive under its own number with
    // close-on-exec still set (dup2 onto itself clears nothing).
    const UniqueFd high{::fcntl(socket, F_DUPFD_CLOEXEC, 10)};
    if (!high) {
        return fail_errno("starting the freeze guard", errno);
    }
    for (const int standard : {0, 1, 2}) {
        posix_spawn_file_actions_addopen(&setup.actions, standard, "/dev/null", O_RDWR, 0);
    }
    posix_spawn_file_actions_adddup2(&setup.actions, high.get(), guard::socket_fd);
    posix_spawn_file_actions_addclosefrom_np(&setup.actions, guard::socket_fd + 1);
    posix_spawn_file_actions_addchdir_np(&setup.actions, "/");
    posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETSID);
    std::string name = program;
    std::array<char*, 2> arguments{name.data(), nullptr};
    std::array<char*, 1> environment{nullptr};
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, program.c_str(), &setup.actions, &setup.attributes,
                                    arguments.data(), environment.data());
    if (error != 0) {
        return fail_errno("starting the freeze guard " + program, error);
    }
    return pid;
}

} // namespace

void ProcessGuardStarter::start(const Mounts& mounts, GuardEvents events,
                                std::function<void(Result<std::unique_ptr<Guard>>)> done)
{
    const auto refuse = [this, &done](Error error) {
        loop_.post([done, error = std::move(error)] { done(fail(error)); });
    };
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        return refuse(fail_errno("starting the freeze guard", errno).error);
    }
    UniqueFd ours{pair[0]};
    const UniqueFd theirs{pair[1]};
    Result<pid_t> pid = spawn(program_, theirs.get());
    if (!pid) {
        return refuse(std::move(pid).error());
    }
    // Shared until it is ready: it is owned by the very callback that it calls.
    auto starting = std::make_shared<std::unique_ptr<ProcessGuard>>(
        std::make_unique<ProcessGuard>(loop_, workers_, std::move(ours), *pid, std::move(events)));
    if (Result<void> handed = (*starting)->hand_over(mounts); !handed) {
        return refuse(std::move(handed).error());
    }
    (*starting)->wait_for_ready([starting, done = std::move(done)](Result<void> ready) {
        std::unique_ptr<Guard> guard = std::move(*starting);
        if (!ready) {
            return done(fail(std::move(ready).error().with_context("cannot start the guard")));
        }
        done(std::move(guard));
    });
}

} // namespace frostline::freeze
