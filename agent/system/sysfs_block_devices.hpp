// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/block_devices.hpp"
#include "system/device_database.hpp"

#include <filesystem>
#include <set>
#include <string>

namespace frostline::system {

class SysfsBlockDevices final : public BlockDevices {
public:
    /// `sysfs` stands for /sys; tests give a folder with samples. `database` must outlive this.
    explicit SysfsBlockDevices(const DeviceDatabase& database, const std::string& sysfs = "/sys");

    [[nodiscard]] MountedDevice below(const BlockMount& mount) const override;
    [[nodiscard]] Result<std::vector<BlockDevice>> all() const override;

private:
    void collect(const std::filesystem::path& device, std::set<std::string>& seen,
                 std::vector<DiskAddress>& disks) const;
    [[nodiscard]] std::optional<BlockDevice> disk(const std::filesystem::path& folder) const;
    void add_partitions(const std::filesystem::path& folder, const std::string& disk_node,
                        std::vector<BlockDevice>& devices) const;
    [[nodiscard]] std::string node_of(const std::filesystem::path& folder) const;

    const DeviceDatabase& database_;
    std::filesystem::path sysfs_;
};

} // namespace frostline::system
