// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace frostline::freeze {

/// What the next start needs to finish the thaw of an agent that died while it held something.
struct RunState {
    struct FileSystem {
        std::string mount_point;
        dev_t device = 0; ///< of the superblock, as the mount table has it
    };

    std::string id;
    std::vector<FileSystem> filesystems; ///< about to be frozen or frozen
    std::vector<std::string> hooks;      ///< asked to freeze, not thawed yet

    /// Text with one item per line; control characters and backslashes as \ooo.
    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static Result<RunState> decode(std::string_view text);
};

class RunStateStore {
public:
    virtual ~RunStateStore() = default;

    [[nodiscard]] virtual Result<void> save(const RunState& state) = 0;
    /// nullopt: nothing was left behind.
    [[nodiscard]] virtual Result<std::optional<RunState>> load() = 0;
    virtual void remove() = 0;
};

/// DIRECTORY/freeze.state, replaced in one step. The directory is on tmpfs, so this never blocks
/// on a frozen file system, and a reboot clears it.
class FileRunState : public RunStateStore {
public:
    explicit FileRunState(const std::string& directory) : path_(directory + "/freeze.state") {}

    [[nodiscard]] Result<void> save(const RunState& state) override;
    [[nodiscard]] Result<std::optional<RunState>> load() override;
    void remove() override;

private:
    std::string path_;
};

} // namespace frostline::freeze
