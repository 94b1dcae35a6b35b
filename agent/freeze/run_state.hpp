// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "hooks/quiescer.hpp"
#include "system/event_loop.hpp"

#include <cstdint>
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

    /// A freeze that was granted and did not hold, of which the host has not heard yet.
    struct Lapse {
        std::string what; ///< follows "fsfreeze is limited"
        system::EventLoop::TimePoint when;
        std::int64_t count = 0; ///< what the thaw would have answered
    };

    std::string id;
    std::vector<FileSystem> filesystems; ///< about to be frozen or frozen
    std::vector<hooks::OwedHook> hooks;  ///< asked to freeze, not thawed yet
    bool granted = false;                ///< the host may have been told that everything holds
    std::optional<Lapse> lapse{};

    [[nodiscard]] bool holds() const { return !filesystems.empty() || !hooks.empty(); }

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
