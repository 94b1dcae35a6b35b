// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "system/device_monitor.hpp"

#include <memory>
#include <string>

struct udev;
struct udev_monitor;

namespace frostline::system {

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
