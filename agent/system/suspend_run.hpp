// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/helper_programs.hpp"
#include "system/power.hpp"
#include "system/workers.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace frostline::system {

/// One suspend: tries systemd, pm-utils and the kernel's file in turn, until one has suspended the
/// machine. Keeps itself alive until it has answered. Loop thread only.
class SuspendRun : public std::enable_shared_from_this<SuspendRun> {
public:
    static void start(HelperPrograms& helpers, Workers& workers, const std::string& root,
                      SuspendMode mode, Power::Done done);

private:
    /// A pair of programs: one says whether it could, the other does it.
    struct Strategy {
        HelperCall probe;
        HelperCall action;
        bool (*supported)(int exit_status);
    };

    SuspendRun(HelperPrograms& helpers, Workers& workers, std::string state_file, SuspendMode mode,
               Power::Done done);

    void try_systemd();
    void try_pm_utils();
    void try_kernel();
    void try_programs(Strategy strategy, void (SuspendRun::*next)());
    void judge(Result<void> result, void (SuspendRun::*next)());
    void give_up();

    HelperPrograms* helpers_;
    Workers* workers_;
    std::string state_file_;
    SuspendMode mode_;
    Power::Done done_;
    std::chrono::nanoseconds slept_; ///< before
    std::optional<Error> failure_;   ///< of the last strategy that was supported
};

} // namespace frostline::system
