// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/clock_setter.hpp"
#include "system/clocks.hpp"
#include "system/helper_programs.hpp"
#include "system/workers.hpp"

#include <string>

namespace frostline::system {

/// By settimeofday and /sbin/hwclock, which knows how this distribution keeps its hardware clock;
/// where that program is missing, by the device itself.
class LinuxClockSetter : public ClockSetter {
public:
    /// `root` stands in front of every absolute path; tests put a folder of fakes there.
    LinuxClockSetter(Clocks& clocks, HelperPrograms& helpers, Workers& workers,
                     std::string root = {});

    void set(std::chrono::microseconds since_epoch, Done done) override;
    void set_from_hardware(Done done) override;

private:
    [[nodiscard]] HelperCall hwclock(const char* flag) const;
    void set_hardware(Done done);

    Clocks* clocks_;
    HelperPrograms* helpers_;
    Workers* workers_;
    std::string root_;
};

} // namespace frostline::system
