// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"
#include "host/snapshot/commit.hpp"
#include "host/snapshot/disks.hpp"

#include <string>
#include <vector>

namespace frostline::host {

/// Folds overlays back by QEMU's own jobs.
class QmpCommitter final : public Committer {
public:
    /// `qemu_directory`: what QEMU's relative paths start from; may be empty.
    QmpCommitter(Monitor& monitor, std::string qemu_directory)
        : monitor_(monitor), qemu_directory_(std::move(qemu_directory))
    {}

    [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>>
    current(TimePoint until) override;
    [[nodiscard]] Result<void> check_idle(TimePoint until) override;
    [[nodiscard]] Result<void> start(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<CommitState> state(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<void> pivot(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<void> tidy(const CommitDisk& disk, TimePoint until) override;
    [[nodiscard]] Result<void> cancel(const CommitDisk& disk, TimePoint until) override;

private:
    [[nodiscard]] Result<void> order(const char* command, TimePoint until);

    Monitor& monitor_;
    std::string qemu_directory_;
    std::string job_;  ///< of the disk that is being folded
    std::string node_; ///< its overlay's
};

} // namespace frostline::host
