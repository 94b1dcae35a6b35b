// SPDX-License-Identifier: Apache-2.0
#include "system/linux_clock_setter.hpp"

#include "common/text.hpp"
#include "system/find_program.hpp"

#include <utility>

namespace frostline::system {

LinuxClockSetter::LinuxClockSetter(Clocks& clocks, HelperPrograms& helpers, Workers& workers,
                                   std::string root)
    : clocks_(&clocks), helpers_(&helpers), workers_(&workers), root_(std::move(root))
{}

HelperCall LinuxClockSetter::hwclock(const char* flag) const
{
    HelperCall call;
    call.program = root_ + "/sbin/hwclock";
    call.arguments = {flag};
    call.action = "set hardware clock to system time"; // qemu-ga's words for both directions
    return call;
}

void LinuxClockSetter::set(std::chrono::microseconds since_epoch, Done done)
{
    run_on(
        *workers_,
        [clocks = clocks_, since_epoch]() -> Result<bool> {
            const Result<void> set = clocks->set_system(since_epoch);
            if (!set) {
                return fail(set.error().with_context("Failed to set time to guest"));
            }
            return clocks->has_hardware();
        },
        [this, done = std::move(done)](const Result<bool>& has_hardware) {
            if (!has_hardware) {
                done(fail(has_hardware.error()));
            } else if (!*has_hardware) {
                done({}); // there is nothing else to set
            } else {
                set_hardware([done](const Result<void>& result) {
                    if (result) {
                        return done({});
                    }
                    const std::string what{text::trim(result.error().message())};
                    done(fail(result.error().kind(), what + " (the system's clock has been set)",
                              result.error().os_error()));
                });
            }
        });
}

void LinuxClockSetter::set_hardware(Done done)
{
    HelperCall call = hwclock("-w");
    if (is_executable(call.program)) {
        return helpers_->run(std::move(call), std::move(done));
    }
    run_on(
        *workers_, [clocks = clocks_] { return clocks->system_to_hardware(); }, std::move(done));
}

void LinuxClockSetter::set_from_hardware(Done done)
{
    HelperCall call = hwclock("-s");
    if (is_executable(call.program) || !clocks_->has_hardware()) {
        // A guest without either gets qemu-ga's words for the missing program.
        return helpers_->run(std::move(call), std::move(done));
    }
    run_on(
        *workers_, [clocks = clocks_] { return clocks->hardware_to_system(); }, std::move(done));
}

} // namespace frostline::system
