// SPDX-License-Identifier: Apache-2.0
#include "system/linux_power.hpp"

#include "system/find_program.hpp"
#include "system/suspend_run.hpp"

#include <utility>

namespace frostline::system {

namespace {

struct Way {
    const char* program;
    const char* flag; ///< what shutdown(8) takes for the same
};

Way way_of(ShutdownMode mode)
{
    switch (mode) {
    case ShutdownMode::halt:
        return {"/sbin/halt", "-H"};
    case ShutdownMode::reboot:
        return {"/sbin/reboot", "-r"};
    case ShutdownMode::powerdown:
        break;
    }
    return {"/sbin/poweroff", "-P"};
}

} // namespace

LinuxPower::LinuxPower(HelperPrograms& helpers, Workers& workers, std::string root)
    : helpers_(&helpers), workers_(&workers), root_(std::move(root))
{}

void LinuxPower::shut_down(ShutdownMode mode, Done done)
{
    const Way way = way_of(mode);
    HelperCall call;
    call.action = "shutdown";
    call.program = root_ + way.program;
    if (!is_executable(call.program)) {
        call.program = root_ + "/sbin/shutdown";
        call.arguments = {"-h", way.flag, "+0", "hypervisor initiated shutdown"};
    }
    helpers_->run(std::move(call), std::move(done));
}

void LinuxPower::suspend(SuspendMode mode, Done done)
{
    SuspendRun::start(*helpers_, *workers_, root_, mode, std::move(done));
}

} // namespace frostline::system
