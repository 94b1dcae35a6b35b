// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <chrono>
#include <functional>

namespace frostline::system {

/// Sets this machine's clocks. Loop thread only; callbacks come once, never inside the call.
class ClockSetter {
public:
    using Done = std::function<void(Result<void>)>;

    virtual ~ClockSetter() = default;

    /// The system's clock, and then the hardware clock from it. Without any hardware clock the
    /// first alone is a success; an error after it says that the system's clock has been set.
    virtual void set(std::chrono::microseconds since_epoch, Done done) = 0;
    /// The system's clock from the hardware clock.
    virtual void set_from_hardware(Done done) = 0;
};

} // namespace frostline::system
