// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/guard.hpp"
#include "system/workers.hpp"

#include <string>

namespace frostline::freeze {

/// Starts `program` (frostline-guard) in a session of its own with nothing but its socket open.
/// Not through the child launcher: that kills what it started when the agent goes, and the guard is
/// what has to stay. It must be used on the main thread: the guard watches that thread's life.
class ProcessGuardStarter : public GuardStarter {
public:
    ProcessGuardStarter(system::EventLoop& loop, system::Workers& workers, std::string program)
        : loop_(loop), workers_(workers), program_(std::move(program))
    {}

    void start(const Mounts& mounts, GuardEvents events,
               std::function<void(Result<std::unique_ptr<Guard>>)> done) override;

private:
    system::EventLoop& loop_;
    system::Workers& workers_;
    std::string program_;
};

} // namespace frostline::freeze
