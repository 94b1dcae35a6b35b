// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/memory_blocks.hpp"
#include "system/pseudo_files.hpp"

#include <string>
#include <utility>

namespace frostline::system {

/// The memory blocks of sysfs (Documentation/ABI/testing/sysfs-devices-memory).
class LinuxMemoryBlocks : public MemoryBlocks {
public:
    /// `root` lies in front of /sys; for tests.
    explicit LinuxMemoryBlocks(std::string root = {}) : files_(std::move(root)) {}

    [[nodiscard]] Result<std::vector<MemoryBlock>> list() const override;
    [[nodiscard]] BlockChange set_state(std::uint64_t number, OnlineState wanted) const override;
    [[nodiscard]] Result<std::uint64_t> block_size() const override;

private:
    [[nodiscard]] Result<OnlineState> state_of(std::uint64_t number) const;

    PseudoFiles files_;
};

} // namespace frostline::system
