// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/event_loop.hpp"

#include <functional>
#include <string>

namespace frostline::system {

struct DeviceEvent {
    enum class Action { added, removed } action = Action::added;
    std::string node; ///< "/dev/vport1p1"; may be empty
    std::string name; ///< the port's name, "org.qemu.guest_agent.0"; may be empty on removal
};

/// Tells when a device of one subsystem comes or goes. Loop thread only.
class DeviceMonitor {
public:
    virtual ~DeviceMonitor() = default;

    /// Calls `action` for every event from now on. One subscriber at a time.
    virtual Subscription on_event(std::function<void(const DeviceEvent&)> action) = 0;
};

} // namespace frostline::system
