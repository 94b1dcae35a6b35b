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
    using Step = void (SuspendRun::*)();

    SuspendRun(HelperPrograms& helpers, Workers& workers, std::string state_file, SuspendMode mode,
               Power::Done done);

    void try_systemd();
    void order_systemd();
    void follow_systemd(std::chrono::nanoseconds waited);
    void try_pm_utils();
    void order_pm_utils();
    void try_kernel();
    /// Runs a program that says whether this way is there: then `order`, else `next`.
    void probe(HelperCall call, bool (*supported)(int exit_status), Step order, Step next);
    void judge(Result<void> result, Step next);
    void give_up();

    HelperPrograms* helpers_;
    Workers* workers_;
    std::string state_file_;
    SuspendMode mode_;
    Power::Done done_;
    std::chrono::nanoseconds slept_; ///< before
    std::string invocation_;         ///< of the unit's run before ours
    std::optional<Error> failure_;   ///< of the last strategy that was supported
};

} // namespace frostline::system
