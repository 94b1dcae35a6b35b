// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/mount_table.hpp"
#include "system/storage.hpp"
#include "system/sysfs_block_devices.hpp"
#include "system/udev_device_database.hpp"

#include <string>

namespace frostline::system {

class LinuxStorage final : public Storage {
public:
    /// `table` must outlive this.
    explicit LinuxStorage(MountTable& table) : table_(table), devices_(database_) {}

    [[nodiscard]] Result<std::vector<BlockMount>> mounts() override;
    [[nodiscard]] MountedDevice below(const BlockMount& mount) override;
    [[nodiscard]] Result<std::vector<BlockDevice>> devices() override;
    [[nodiscard]] Result<std::vector<DiskStats>> stats() override;
    [[nodiscard]] Result<FsSpace> space(const std::string& mount_point) override;
    [[nodiscard]] Result<NvmeSmart> smart(const std::string& node) override;
    [[nodiscard]] Result<Trimmed> trim(const std::string& mount_point,
                                       std::uint64_t minimum) override;

private:
    MountTable& table_;
    UdevDeviceDatabase database_;
    SysfsBlockDevices devices_;
};

} // namespace frostline::system
