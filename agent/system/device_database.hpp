// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace frostline::system {

/// What the device manager knows of a device. Each may be empty.
struct DeviceRecord {
    std::string node;    ///< "/dev/vda1"
    std::string serial;  ///< ID_SERIAL
    std::string dm_name; ///< DM_NAME: "vg-root"
};

/// Looks devices up. Reads /sys and /run only. Workers only.
class DeviceDatabase {
public:
    virtual ~DeviceDatabase() = default;

    /// `folder` is the device's real folder, "/sys/devices/.../block/vda"; nullopt when it is not
    /// a device or has gone.
    [[nodiscard]] virtual std::optional<DeviceRecord> find(const std::string& folder) const = 0;
};

} // namespace frostline::system
