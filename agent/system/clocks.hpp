// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>

namespace frostline::system {

/// The kernel's side of setting clocks.
class Clocks {
public:
    virtual ~Clocks() = default;

    /// settimeofday(2): CAP_SYS_TIME; times before 1970 are refused. The error is errno's text.
    [[nodiscard]] virtual Result<void> set_system(std::chrono::microseconds since_epoch) = 0;
    /// Whether there is a hardware clock.
    [[nodiscard]] virtual bool has_hardware() = 0;
    /// Sets the hardware clock to the system's time. May wait for a slow device: on a worker.
    [[nodiscard]] virtual Result<void> system_to_hardware() = 0;
    /// Sets the system's clock to the hardware's time, to the second. On a worker.
    [[nodiscard]] virtual Result<void> hardware_to_system() = 0;
};

} // namespace frostline::system
