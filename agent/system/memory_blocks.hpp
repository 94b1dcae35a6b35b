// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/online_state.hpp"

#include <cstdint>
#include <vector>

namespace frostline::system {

struct MemoryBlock {
    std::uint64_t number = 0;
    OnlineState state = OnlineState::online;
    bool can_offline = false; ///< the kernel's guess; it may still refuse
};

enum class BlockOutcome {
    done,        ///< it is in the state asked for, and may have been before
    not_found,   ///< there is no such block
    unsupported, ///< no memory hotplug in this kernel, or this block has no switch
    failed,      ///< the kernel refused
};

struct BlockChange {
    BlockOutcome outcome = BlockOutcome::done;
    int os_error = 0; ///< errno; 0 exactly when done
};

/// Memory that can be switched piece by piece (Documentation/admin-guide/mm/memory-hotplug.rst).
/// Error texts are those of the protocol. Any thread; a large machine has thousands of blocks and
/// taking one out of use may last, so all but block_size() belongs on a worker.
class MemoryBlocks {
public:
    virtual ~MemoryBlocks() = default;

    /// By number; empty where the kernel has no memory hotplug. A block that is unplugged meanwhile
    /// is left out. No block at all although the kernel has memory hotplug is an error.
    [[nodiscard]] virtual Result<std::vector<MemoryBlock>> list() const = 0;
    [[nodiscard]] virtual BlockChange set_state(std::uint64_t number, OnlineState wanted) const = 0;
    /// In bytes.
    [[nodiscard]] virtual Result<std::uint64_t> block_size() const = 0;
};

} // namespace frostline::system
