// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/operation.hpp"
#include "freeze/report.hpp"
#include "freeze/round.hpp"
#include "freeze/run_state.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frostline::freeze {

/// Finishes the thaw of an agent that died while it held something: exactly the file systems in its
/// run state, found by device number (their mount points may have moved), then the hooks it had
/// asked to freeze. Once, at start, on the loop's thread.
class Recovery {
public:
    explicit Recovery(Parts& parts) : parts_(parts), round_(parts.loop) {}
    Recovery(const Recovery&) = delete;
    Recovery& operator=(const Recovery&) = delete;

    /// `thawed`: with the report of what was found, nullopt when nothing was left behind; at the
    /// latest 5 s later, whatever is stuck. `finished`: the thaw hooks have ended as well.
    void start(std::function<void(std::optional<Report>)> thawed, std::function<void()> finished);

private:
    struct Target {
        RunState::FileSystem fs;
        std::optional<system::Mount> mount; ///< where it can be opened now
    };
    struct Found {
        std::optional<RunState> state;
        std::vector<Target> targets;
    };

    static Result<Found> look(RunStateStore& store, system::MountTable& table);
    void found(Result<Found> found);
    void thaw(std::size_t index);
    void thaw_result(std::size_t index, const Result<system::ThawOutcome>& result);
    void run_hooks();
    void finish();

    Parts& parts_;
    Found found_;
    Report report_;
    Round round_;
    std::unique_ptr<hooks::QuiesceRun> run_;
    std::function<void(std::optional<Report>)> thawed_;
    std::function<void()> finished_;
    std::shared_ptr<bool> token_ = std::make_shared<bool>(true);
};

} // namespace frostline::freeze
