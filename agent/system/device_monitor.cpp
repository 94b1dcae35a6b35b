// SPDX-License-Identifier: Apache-2.0
#include "system/device_monitor.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include <libudev.h>

namespace frostline::system {

namespace {

struct DeviceUnref {
    void operator()(udev_device* device) const noexcept { udev_device_unref(device); }
};

std::string text(const char* value)
{
    return value == nullptr ? std::string{} : std::string{value};
}

} // namespace

void UdevDeviceMonitor::Release::operator()(udev* context) const noexcept
{
    udev_unref(context);
}

void UdevDeviceMonitor::Release::operator()(udev_monitor* monitor) const noexcept
{
    udev_monitor_unref(monitor);
}

Result<std::unique_ptr<UdevDeviceMonitor>> UdevDeviceMonitor::create(EventLoop& loop,
                                                                     const std::string& subsystem)
{
    udev* context = udev_new();
    udev_monitor* monitor =
        context == nullptr ? nullptr : udev_monitor_new_from_netlink(context, "udev");
    std::unique_ptr<UdevDeviceMonitor> result{new UdevDeviceMonitor{loop, context, monitor}};
    if (monitor == nullptr) {
        return fail_errno("cannot listen to udev", errno);
    }
    int error =
        udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem.c_str(), nullptr);
    if (error >= 0) {
        error = udev_monitor_enable_receiving(monitor);
    }
    if (error < 0) {
        return fail_errno("cannot listen to udev for " + subsystem, -error);
    }
    return result;
}

UdevDeviceMonitor::UdevDeviceMonitor(EventLoop& loop, udev* context, udev_monitor* monitor)
    : loop_(loop), context_(context), monitor_(monitor)
{}

Subscription UdevDeviceMonitor::on_event(std::function<void(const DeviceEvent&)> action)
{
    action_ = std::move(action);
    watch_ = loop_.watch(udev_monitor_get_fd(monitor_.get()), {.readable = true, .writable = false},
                         [this](Readiness) { receive(); });
    return Subscription{[this] {
        watch_.cancel();
        action_ = nullptr;
    }};
}

void UdevDeviceMonitor::receive()
{
    const std::unique_ptr<udev_device, DeviceUnref> device{
        udev_monitor_receive_device(monitor_.get())};
    if (device == nullptr || !action_) {
        return;
    }
    DeviceEvent event;
    event.action = text(udev_device_get_action(device.get())) == std::string_view{"remove"}
                       ? DeviceEvent::Action::removed
                       : DeviceEvent::Action::added;
    event.node = text(udev_device_get_devnode(device.get()));
    event.name = text(udev_device_get_sysattr_value(device.get(), "name"));
    const auto action = action_; // the subscriber may go from inside
    action(event);
}

} // namespace frostline::system
