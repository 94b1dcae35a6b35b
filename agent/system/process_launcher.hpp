// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/child_launcher.hpp"
#include "system/event_loop.hpp"

#include <memory>
#include <set>

namespace frostline::system {

class Process;
struct Spawned;

/// Starts real processes. Waits only for those it started (by pidfd), never for "any child".
/// Making one sets SIGPIPE to be ignored in this process, unless it has a handler, and SIGCHLD not
/// to be.
class ProcessLauncher : public ChildLauncher {
public:
    /// The loop must outlive the launcher.
    explicit ProcessLauncher(EventLoop& loop);
    ProcessLauncher(const ProcessLauncher&) = delete;
    ProcessLauncher& operator=(const ProcessLauncher&) = delete;
    /// Kills what still runs, unless it outlives us. Children may be destroyed later.
    ~ProcessLauncher() override;

    [[nodiscard]] Result<std::unique_ptr<Child>> launch(ChildSpec spec,
                                                        ChildEvents events) override;
    void launch_on(Workers& workers, ChildSpec spec, ChildEvents events, Launched done) override;

    /// Processes that are still to be waited for or to be killed, or whose output is still read; 0
    /// when all is cleaned up.
    [[nodiscard]] std::size_t pending() const noexcept { return processes_->size(); }

private:
    using Processes = std::set<std::shared_ptr<Process>>;

    [[nodiscard]] std::unique_ptr<Child> adopt(const ChildSpec& spec, ChildEvents events,
                                               Spawned spawned, std::uint64_t tag);

    EventLoop* loop_;
    std::shared_ptr<Processes> processes_ = std::make_shared<Processes>();
};

} // namespace frostline::system
