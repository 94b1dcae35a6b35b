// SPDX-License-Identifier: Apache-2.0
//
// freeze-prober SOCKET LOAD MOUNT_POINT...
//
// Has a guest agent freeze and thaw these file systems once, and says how long a program that
// writes had to wait on each of them. For tests/bench/freeze; runs in the guest, whichever agent
// listens at SOCKET.
//
//   LOAD   clean         everything is on the disks
//          dirty=BYTES   so many new bytes a file system are in memory only
//          steady=BYTES  so many bytes a second and file system are being written
//
// Prints one line of JSON: how long the two commands took, the longest wait on each file system in
// the order given, and the longest wait in the quarter of a second before, all in microseconds.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

[[noreturn]] void die(const std::string& what)
{
    std::fprintf(stderr, "freeze-prober: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

std::int64_t microseconds_since(Clock::time_point then)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - then).count();
}

int open_file(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        die(path);
    }
    return fd;
}

/// Data that no file system or disk could store in less space.
void scramble(std::string& data)
{
    static thread_local std::uint64_t state = static_cast<std::uint64_t>(::getpid()) * 2 + 1;
    for (std::size_t at = 0; at + sizeof state <= data.size(); at += sizeof state) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        std::memcpy(data.data() + at, &state, sizeof state);
    }
}

/// Writes to a file again and again on a thread of its own, and keeps the longest time that took.
class Repeated {
public:
    /// `write` is given the file and how many writes there have been.
    Repeated(const std::string& path, milliseconds pause, std::function<bool(int, int)> write)
        : fd_(open_file(path)), pause_(pause), write_(std::move(write)), thread_([this] { run(); })
    {}
    Repeated(const Repeated&) = delete;
    Repeated& operator=(const Repeated&) = delete;
    ~Repeated()
    {
        end_ = true;
        thread_.join();
        ::close(fd_);
    }
    std::int64_t take() { return longest_.exchange(0); }

private:
    void run()
    {
        for (int number = 0; !end_; ++number) {
            const auto began = Clock::now();
            if (!write_(fd_, number)) {
                die("writing");
            }
            longest_ = std::max(longest_.load(), microseconds_since(began));
            std::this_thread::sleep_for(pause_);
        }
    }

    int fd_;
    milliseconds pause_;
    std::function<bool(int, int)> write_;
    std::atomic<std::int64_t> longest_{0};
    std::atomic<bool> end_{false};
    std::thread thread_;
};

using Threads = std::vector<std::unique_ptr<Repeated>>;

/// Writes nothing: the kernel holds up an empty write like any other while a file system is frozen,
/// but it leaves a clean file system clean.
std::unique_ptr<Repeated> make_prober(const std::string& mount_point, milliseconds pause)
{
    return std::make_unique<Repeated>(mount_point + "/probe", pause, [](int fd, int /*number*/) {
        return ::pwrite(fd, "", 0, 0) == 0;
    });
}

/// Writes at a steady pace, over the same four MiB.
std::unique_ptr<Repeated> make_writer(const std::string& mount_point, std::size_t bytes_per_second)
{
    constexpr int times_per_second = 50;
    constexpr std::size_t wrap = std::size_t{4} << 20;
    std::string data(std::max<std::size_t>(bytes_per_second / times_per_second, 512), '\0');
    return std::make_unique<Repeated>(
        mount_point + "/steady", milliseconds{1000 / times_per_second},
        [data = std::move(data)](int fd, int number) mutable {
            scramble(data);
            const std::size_t at = static_cast<std::size_t>(number) * data.size() % wrap;
            return ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(at)) >= 0;
        });
}

void write_dirty(const std::string& mount_point, std::size_t bytes)
{
    const int fd = open_file(mount_point + "/dirty");
    std::string data(std::size_t{64} << 10, '\0');
    for (std::size_t at = 0; at < bytes; at += data.size()) {
        scramble(data);
        if (::pwrite(fd, data.data(), data.size(), static_cast<off_t>(at)) < 0) {
            die(mount_point);
        }
    }
    ::close(fd);
}

class Agent {
public:
    explicit Agent(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        // The type that connect() takes for every family.
        const void* const any = &address;
        if (fd_ < 0 || ::connect(fd_, static_cast<const sockaddr*>(any), sizeof address) != 0) {
            die(path);
        }
    }
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent() { ::close(fd_); }

    /// The reply's line.
    std::string ask(const std::string& request)
    {
        if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size())) {
            die("send");
        }
        std::string reply;
        while (reply.empty() || reply.back() != '\n') {
            char piece[4096];
            const ssize_t count = ::recv(fd_, piece, sizeof piece, 0);
            if (count <= 0) {
                die("the agent has not answered");
            }
            reply.append(piece, static_cast<std::size_t>(count));
        }
        return reply;
    }

private:
    int fd_;
};

std::string number_list(const std::vector<std::int64_t>& numbers)
{
    std::string text;
    for (const std::int64_t number : numbers) {
        text += (text.empty() ? "" : ",") + std::to_string(number);
    }
    return "[" + text + "]";
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 3) {
        std::fputs("usage: freeze-prober SOCKET LOAD MOUNT_POINT...\n", stderr);
        return 1;
    }
    const std::vector<std::string> mount_points(words.begin() + 2, words.end());
    const std::string load = words[1].substr(0, words[1].find('='));
    const std::size_t amount = load == words[1] ? 0 : std::stoul(words[1].substr(load.size() + 1));
    std::string freeze = R"({"execute":"guest-fsfreeze-freeze-list","arguments":{"mountpoints":[)";
    for (const std::string& mount_point : mount_points) {
        freeze += (freeze.back() == '[' ? "\"" : ",\"") + mount_point + '"';
    }
    freeze += "]}}\n";

    Agent agent{words[0]};
    agent.ask("{\"execute\":\"guest-ping\"}\n");
    // So that probing itself takes no processor for long, however many there are.
    const milliseconds pause{std::max<std::size_t>(2, mount_points.size() / 2)};
    Threads probers;
    for (const std::string& mount_point : mount_points) {
        probers.push_back(make_prober(mount_point, pause));
    }
    Threads writers;
    if (load == "steady") {
        for (const std::string& mount_point : mount_points) {
            writers.push_back(make_writer(mount_point, amount));
        }
        std::this_thread::sleep_for(milliseconds{1000});
    }
    if (load != "steady") {
        ::sync();
    }
    if (load == "dirty") {
        for (const std::string& mount_point : mount_points) {
            write_dirty(mount_point, amount);
        }
    }
    const auto take = [&] {
        std::vector<std::int64_t> longest;
        for (const auto& prober : probers) {
            longest.push_back(prober->take());
        }
        for (std::size_t number = 0; number < writers.size(); ++number) {
            longest[number] = std::max(longest[number], writers[number]->take());
        }
        return longest;
    };
    take();
    std::this_thread::sleep_for(milliseconds{250});
    const std::vector<std::int64_t> before = take();

    auto began = Clock::now();
    const std::string frozen = agent.ask(freeze);
    const std::int64_t freeze_time = microseconds_since(began);
    began = Clock::now();
    const std::string thawed = agent.ask("{\"execute\":\"guest-fsfreeze-thaw\"}\n");
    const std::int64_t thaw_time = microseconds_since(began);
    std::this_thread::sleep_for(milliseconds{250});
    const std::vector<std::int64_t> stalls = take(); // what waited, has gone on since the thaw
    writers.clear();
    probers.clear();

    const std::string wanted = "{\"return\": " + std::to_string(mount_points.size()) + "}";
    if (frozen.find(wanted) != 0 || thawed.find(wanted) != 0) {
        std::fprintf(stderr, "freeze-prober: freeze: %sthaw: %s", frozen.c_str(), thawed.c_str());
        return 1;
    }
    std::printf("{\"freeze-us\":%lld,\"thaw-us\":%lld,\"stalls-us\":%s,\"before-us\":%s}\n",
                static_cast<long long>(freeze_time), static_cast<long long>(thaw_time),
                number_list(stalls).c_str(), number_list(before).c_str());
    return 0;
}
