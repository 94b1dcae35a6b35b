// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/unique_fd.hpp"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

/// File systems made for one test in a mount namespace of its own. Nothing of the machine's own is
/// ever frozen, and everything is gone when the process ends.
namespace frostline::test {

/// Runs a program; its exit status, or -1.
int run(const std::vector<std::string>& arguments);

/// A private namespace with a tmpfs on a fresh directory; empty where that is not possible (not
/// root, no loop devices). Once, before any thread starts.
std::string enter_private_namespace();

class LoopMount {
public:
    /// Makes an image at `image`, a file system of `type` in it, and mounts it on `mount_point`.
    LoopMount(const std::string& type, const std::string& image, std::string mount_point);
    LoopMount(const LoopMount&) = delete;
    LoopMount& operator=(const LoopMount&) = delete;
    /// Thaws whatever is still frozen, then unmounts.
    ~LoopMount();

    [[nodiscard]] bool mounted() const { return directory_.valid(); }
    [[nodiscard]] const std::string& path() const { return mount_point_; }
    [[nodiscard]] int fd() const { return directory_.get(); }
    [[nodiscard]] bool freeze() const;
    [[nodiscard]] bool thaw() const; ///< false when it was not frozen

private:
    std::string mount_point_;
    UniqueFd directory_;
};

/// Creates a file on a file system from a thread; the thread ends when the write has gone through.
class Writer {
public:
    explicit Writer(const LoopMount& mount);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    /// Whether the write went through within `limit`.
    [[nodiscard]] bool done_within(std::chrono::milliseconds limit);

private:
    const LoopMount& mount_;
    std::promise<void> promise_;
    std::future<void> done_;
    std::thread thread_;
};

} // namespace frostline::test
