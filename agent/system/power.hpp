// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <functional>

namespace frostline::system {

enum class ShutdownMode { powerdown, halt, reboot };
enum class SuspendMode { disk, ram, hybrid };

/// Ends or suspends this machine. Loop thread only; callbacks come once, never inside the call.
class Power {
public:
    using Done = std::function<void(Result<void>)>;

    virtual ~Power() = default;

    /// Success: the guest's program has taken the order. Nothing may be frozen: it has to be
    /// loaded.
    virtual void shut_down(ShutdownMode mode, Done done) = 0;
    /// Success comes when the machine is awake again, or as soon as its service manager has taken
    /// the order; whenever nothing was suspended there is an error. A `disk` that turned the
    /// machine off and was resumed counts as having slept.
    virtual void suspend(SuspendMode mode, Done done) = 0;
};

} // namespace frostline::system
