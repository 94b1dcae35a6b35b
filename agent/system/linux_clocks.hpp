// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/clocks.hpp"

#include <string>
#include <string_view>

namespace frostline::system {

/// The kernel's clock and the RTC device (rtc(4)).
class LinuxClocks : public Clocks {
public:
    [[nodiscard]] Result<void> set_system(std::chrono::microseconds since_epoch) override;
    [[nodiscard]] bool has_hardware() override;
    [[nodiscard]] Result<void> system_to_hardware() override;
    [[nodiscard]] Result<void> hardware_to_system() override;
};

/// Whether the hardware clock keeps local time, by the text of /etc/adjtime: the third line is UTC
/// or LOCAL, and UTC where there is none (adjtime_config(5)).
[[nodiscard]] bool keeps_local_time(std::string_view adjtime);

} // namespace frostline::system
