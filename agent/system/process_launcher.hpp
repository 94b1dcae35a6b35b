// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/child_launcher.hpp"
#include "system/event_loop.hpp"

#include <memory>
#include <set>

namespace frostline::system {

class Process;

/// Starts real processes. Waits only for those it started (by pidfd), never for "any child".
/// Making one sets SIGPIPE to be ignored in this process, unless it has a handler.
class ProcessLauncher : public ChildLauncher {
public:
    /// The loop must outlive the launcher.
    explicit ProcessLauncher(EventLoop& loop);
    ProcessLauncher(const ProcessLauncher&) = delete;
    ProcessLauncher& operator=(const ProcessLauncher&) = delete;
    /// Kills what still runs. Children may be destroyed later.
    ~ProcessLauncher() override;

    [[nodiscard]] Result<std::unique_ptr<Child>> launch(ChildSpec spec,
                                                        ChildEvents events) override;

    /// Processes that are still to be waited for or to be killed; 0 when all is cleaned up.
    [[nodiscard]] std::size_t pending() const noexcept { return processes_->size(); }

private:
    using Processes = std::set<std::shared_ptr<Process>>;

    EventLoop* loop_;
    std::shared_ptr<Processes> processes_ = std::make_shared<Processes>();
};

} // namespace frostline::system
