// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/snapshot/method.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace frostline::host {

/// What a command is told about one guest.
struct CommandGuest {
    std::string name;
    std::string freeze_id;
    /// (label, path) of its writable disks, looked up before the freeze. Empty function: nobody can
    /// tell.
    std::function<Result<std::vector<std::pair<std::string, std::string>>>(TimePoint)> disks;
};

/// Any storage's own snapshot: a command that is run once, while all guests are frozen. It is told
/// about them in its environment (docs/host.md), and has taken a snapshot when it exits with 0.
class CommandSnapshot final : public SnapshotMethod {
public:
    struct Settings {
        std::string name; ///< the snapshot's
        std::vector<std::string> command;
        std::string report_directory; ///< for the description; empty: none is written
    };

    CommandSnapshot(Waiter& waiter, std::vector<CommandGuest> guests, Settings settings)
        : waiter_(waiter), guests_(std::move(guests)), settings_(std::move(settings))
    {}

    [[nodiscard]] std::string_view name() const override { return "command"; }
    [[nodiscard]] std::string_view doing() const override { return "the command runs"; }
    [[nodiscard]] std::optional<Millis> longest() const override { return std::chrono::hours{1}; }
    /// Looks for the disks, and whether the command is there.
    [[nodiscard]] Result<void> prepare(TimePoint until) override;
    /// Ends it, with all that it has started, when `until` has come.
    [[nodiscard]] Result<Answer<bool>> take(TimePoint until) override;
    [[nodiscard]] Result<Switch> find_out(TimePoint until) override;
    [[nodiscard]] Result<void> discard(TimePoint until) override;
    void describe(json::Object& whole) const override;
    [[nodiscard]] std::string table() const override;
    [[nodiscard]] std::string description_folder() const override
    {
        return settings_.report_directory;
    }

private:
    [[nodiscard]] std::vector<std::string> environment() const;

    Waiter& waiter_;
    std::vector<CommandGuest> guests_;
    Settings settings_;
    std::vector<std::vector<std::pair<std::string, std::string>>> disks_; ///< by guest
    std::optional<int> exit_status_;
    std::string output_;
};

} // namespace frostline::host
