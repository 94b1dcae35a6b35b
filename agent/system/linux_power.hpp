// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/helper_programs.hpp"
#include "system/power.hpp"
#include "system/workers.hpp"

#include <string>

namespace frostline::system {

/// By the programs that Linux distributions have for it, and /sys/power/state.
class LinuxPower : public Power {
public:
    /// `root` stands in front of every absolute path; tests put a folder of fakes there.
    LinuxPower(HelperPrograms& helpers, Workers& workers, std::string root = {});

    /// /sbin/poweroff, /sbin/halt or /sbin/reboot; where that is missing, /sbin/shutdown.
    void shut_down(ShutdownMode mode, Done done) override;
    void suspend(SuspendMode mode, Done done) override;

private:
    HelperPrograms* helpers_;
    Workers* workers_;
    std::string root_;
};

} // namespace frostline::system
