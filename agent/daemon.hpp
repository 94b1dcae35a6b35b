// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "common/unique_fd.hpp"

#include <string>

namespace frostline {

/// Going into the background, for those who start the agent with -d. The parent waits until the
/// child is ready, so that its exit status means something.
class Daemon {
public:
    /// Forks. In the parent: exits with 0 once the child is ready, with 1 when it ends before. In
    /// the child: returns. Before any thread, lock or loop exists.
    [[nodiscard]] static Result<Daemon> fork();

    /// Writes and locks the pid file; the lock lasts for this object's life. When another process
    /// holds the lock, its file stays as it is.
    [[nodiscard]] Result<void> lock_pid_file(const std::string& path);
    /// Leaves terminal and working directory and lets the parent go.
    [[nodiscard]] Result<void> ready();

    Daemon(Daemon&&) noexcept = default;
    Daemon& operator=(Daemon&&) = delete;
    /// Removes the pid file.
    ~Daemon();

private:
    explicit Daemon(UniqueFd parent) : parent_(std::move(parent)) {}

    UniqueFd parent_; ///< the parent reads the other end
    UniqueFd pid_file_;
    std::string pid_path_;
};

} // namespace frostline
