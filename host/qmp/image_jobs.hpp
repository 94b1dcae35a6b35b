// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/qmp/monitor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace frostline::host {

/// QEMU's jobs that write a run's disks into new images, one for each disk, and the images' nodes.
/// Job and node of a disk have the same name.
class ImageJobs {
public:
    /// `prefix`: unique to this run, at most 20 letters.
    ImageJobs(Monitor& monitor, std::string prefix) : monitor_(monitor), prefix_(std::move(prefix))
    {}

    [[nodiscard]] std::string id(std::size_t index) const
    {
        return prefix_ + "-" + std::to_string(index);
    }
    /// Gives QEMU the qcow2 image `path` as the node id(index).
    [[nodiscard]] Result<void> add_target(std::size_t index, const std::string& path,
                                          TimePoint until);

    struct State {
        std::uint64_t done = 0;  ///< of all jobs, in bytes
        std::uint64_t total = 0; ///< of all jobs, in bytes
        std::size_t there = 0;
        std::size_t ready = 0;
        std::size_t concluded = 0;
        std::string error; ///< of one that has failed

        [[nodiscard]] std::uint64_t percent() const { return total == 0 ? 0 : done * 100 / total; }
    };
    [[nodiscard]] Result<State> state(TimePoint until);

    /// Ends the jobs, where any may have been started, and removes the nodes. Returns what is left,
    /// in words.
    [[nodiscard]] std::vector<std::string> release(bool started, TimePoint until);

private:
    Monitor& monitor_;
    std::string prefix_;
    std::vector<std::string> added_nodes_;
};

} // namespace frostline::host
