// SPDX-License-Identifier: Apache-2.0
#include "loop_mounts.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace frostline::test {

int run(const std::vector<std::string>& arguments)
{
    std::vector<std::string> copy = arguments;
    std::vector<char*> vector;
    for (std::string& argument : copy) {
        vector.push_back(argument.data());
    }
    vector.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, vector[0], &actions, nullptr, vector.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = -1;
    if (error != 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

std::string enter_private_namespace()
{
    if (::geteuid() != 0 || ::access("/dev/loop-control", F_OK) != 0 ||
        ::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        return {};
    }
    std::string directory = "/tmp/frostline-freeze-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr ||
        ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=1g") != 0) {
        return {};
    }
    return directory;
}

LoopMount::LoopMount(const std::string& type, const std::string& image, std::string mount_point)
    : mount_point_(std::move(mount_point))
{
    const UniqueFd file{::open(image.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)};
    const off_t size = off_t{type == "ext4" ? 64 : 320} * 1024 * 1024; // sparse
    if (!file || ::ftruncate(file.get(), size) != 0 || run({"mkfs." + type, "-q", image}) != 0 ||
        ::mkdir(mount_point_.c_str(), 0700) != 0 ||
        run({"mount", "-o", "loop", "-t", type, image, mount_point_}) != 0) {
        return;
    }
    directory_ = UniqueFd{::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

LoopMount::~LoopMount()
{
    if (mounted()) {
        while (thaw()) {
        }
        directory_.reset();
        if (::umount2(mount_point_.c_str(), 0) != 0) { // a guard may still be on its way out
            ::umount2(mount_point_.c_str(), MNT_DETACH);
        }
    }
}

bool LoopMount::freeze() const
{
    return ::ioctl(directory_.get(), FIFREEZE, 0) == 0;
}

bool LoopMount::thaw() const
{
    return ::ioctl(directory_.get(), FITHAW, 0) == 0;
}

Writer::Writer(const LoopMount& mount)
    : mount_(mount), done_(promise_.get_future()), thread_([this] {
          static std::atomic<int> serial{0};
          const std::string name = "written-" + std::to_string(++serial);
          const UniqueFd file{
              ::openat(mount_.fd(), name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
          static_cast<void>(!::write(file.get(), "x", 1));
          promise_.set_value();
      })
{}

Writer::~Writer()
{
    if (!done_within(std::chrono::milliseconds{0})) {
        while (mount_.thaw()) {
        }
    }
    thread_.join();
}

bool Writer::done_within(std::chrono::milliseconds limit)
{
    return done_.wait_for(limit) == std::future_status::ready;
}

} // namespace frostline::test
