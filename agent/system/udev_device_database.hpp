// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/device_database.hpp"

namespace frostline::system {

/// udev's. Without a running udevd the kernel's name of the node is all there is. Each look-up has
/// a context of its own, since libudev's may not be shared between threads.
class UdevDeviceDatabase final : public DeviceDatabase {
public:
    [[nodiscard]] std::optional<DeviceRecord> find(const std::string& folder) const override;
};

} // namespace frostline::system
