// SPDX-License-Identifier: Apache-2.0
#include "system/udev_device_database.hpp"

#include <memory>

#include <libudev.h>

namespace frostline::system {

namespace {

struct Unref {
    void operator()(udev* context) const noexcept { udev_unref(context); }
    void operator()(udev_device* device) const noexcept { udev_device_unref(device); }
};

std::string text(const char* value)
{
    return value == nullptr ? std::string{} : std::string{value};
}

} // namespace

std::optional<DeviceRecord> UdevDeviceDatabase::find(const std::string& folder) const
{
    const std::unique_ptr<udev, Unref> context{udev_new()};
    if (context == nullptr) {
        return std::nullopt;
    }
    const std::unique_ptr<udev_device, Unref> device{
        udev_device_new_from_syspath(context.get(), folder.c_str())};
    if (device == nullptr) {
        return std::nullopt;
    }
    DeviceRecord record;
    record.node = text(udev_device_get_devnode(device.get()));
    record.serial = text(udev_device_get_property_value(device.get(), "ID_SERIAL"));
    record.dm_name = text(udev_device_get_property_value(device.get(), "DM_NAME"));
    return record;
}

} // namespace frostline::system
