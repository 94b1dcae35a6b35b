// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/event_loop.hpp"

#include <functional>
#include <memory>
#include <string>

struct udev;
struct udev_monitor;

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

/// Listens to udevd, not to the kernel: its events come after the links in /dev have been made.
class UdevDeviceMonitor final : public DeviceMonitor {
public:
    /// `subsystem`, for example "virtio-ports".
    [[nodiscard]] static Result<std::unique_ptr<UdevDeviceMonitor>>
    create(EventLoop& loop, const std::string& subsystem);

    Subscription on_event(std::function<void(const DeviceEvent&)> action) override;

private:
    struct Release {
        void operator()(udev* context) const noexcept;
        void operator()(udev_monitor* monitor) const noexcept;
    };

    UdevDeviceMonitor(EventLoop& loop, udev* context, udev_monitor* monitor);
    void receive();

    EventLoop& loop_;
    std::unique_ptr<udev, Release> context_;
    std::unique_ptr<udev_monitor, Release> monitor_;
    std::function<void(const DeviceEvent&)> action_;
    Subscription watch_;
};

} // namespace frostline::system
