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
#include <utility>
#include <vector>

namespace frostline::freeze {

/// Finishes the thaw of an agent that died while it held something: exactly the file systems in its
/// run state, found by device number (their mount points may have moved), then the hooks it had
/// asked to freeze. Once, at start, on the loop's thread.
class Recovery {
public:
    struct Recovered {
        std::optional<RunState> found; ///< absent: nothing was left behind
        Report report;                 ///< of what was done about it
    };
    struct Events {
        std::function<Result<void>()> save; ///< left() has changed; called in the middle
        /// The file systems are thawed, or 5 s have passed with some of them stuck.
        std::function<void(Recovered)> thawed;
        std::function<void()> hooks_ended; ///< the thaw hooks, too; after `thawed`
    };

    Recovery(Parts& parts, Events events)
        : parts_(parts), events_(std::move(events)), round_(parts.loop)
    {}
    Recovery(const Recovery&) = delete;
    Recovery& operator=(const Recovery&) = delete;

    void start();

    /// What is still to be undone.
    [[nodiscard]] RunState left() const;
    [[nodiscard]] std::vector<std::string> owed() const;
    [[nodiscard]] bool hooks_have_ended() const { return hooks_ended_; }
    /// Nothing is under way any more.
    [[nodiscard]] bool settled() const;

private:
    struct Target {
        RunState::FileSystem fs;
        std::optional<system::Mount> mount; ///< where it can be opened now
        bool waiting = false;               ///< FITHAW is under way
        bool failed = false;
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
    void hooks_ended();

    Parts& parts_;
    Events events_;
    Found found_;
    Report report_;
    Round round_;
    std::unique_ptr<hooks::QuiesceRun> run_;
    bool hooks_ended_ = false;
    std::shared_ptr<bool> token_ = std::make_shared<bool>(true);
};

} // namespace frostline::freeze
