// SPDX-License-Identifier: Apache-2.0
#include "system/sysfs_block_devices.hpp"

#include "system/sysfs_files.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <sys/sysmacros.h>

namespace frostline::system {

namespace {

namespace files = std::filesystem;

/// Whether the kernel made this device of others, or of nothing (loop, device mapper, md, zram).
bool is_virtual(const files::path& sysfs, const files::path& device)
{
    return device.parent_path() == sysfs / "devices" / "virtual" / "block";
}

/// "sda1" of "sda", "nvme0n1p1" of "nvme0n1": the disk's name, a p where that ends in a digit, and
/// a number.
bool is_partition_name(std::string_view name, std::string_view disk)
{
    if (name.substr(0, disk.size()) != disk) {
        return false;
    }
    name.remove_prefix(disk.size());
    if (!name.empty() && name.front() == 'p') {
        name.remove_prefix(1);
    }
    return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

bool by_node(const BlockDevice& a, const BlockDevice& b)
{
    return natural_less(a.node, b.node);
}

} // namespace

SysfsBlockDevices::SysfsBlockDevices(const DeviceDatabase& database, const std::string& sysfs)
    : database_(database), sysfs_(real_folder(sysfs))
{
    if (sysfs_.empty()) {
        sysfs_ = sysfs; // errors name it
    }
}

std::string SysfsBlockDevices::node_of(const files::path& folder) const
{
    const auto record = folder.empty() ? std::nullopt : database_.find(folder.string());
    return record ? record->node : std::string{};
}

/// Walks down to the disks. Each counts once, however many ways lead to it.
void SysfsBlockDevices::collect(const files::path& device, std::set<std::string>& seen,
                                std::vector<DiskAddress>& disks) const
{
    if (device.empty() || !seen.insert(device.string()).second) {
        return;
    }
    // A partition of a virtual device (md0p1) lies in that one's folder.
    if (is_virtual(sysfs_, device.parent_path())) {
        return collect(device.parent_path(), seen, disks);
    }
    if (!is_virtual(sysfs_, device)) {
        if (auto address = disk_address(sysfs_, device, database_)) {
            disks.push_back(*std::move(address));
        }
        return;
    }
    for (const std::string& name : names_in(device / "slaves")) {
        collect(real_folder(device / "slaves" / name), seen, disks);
    }
}

MountedDevice SysfsBlockDevices::below(const BlockMount& mount) const
{
    MountedDevice result;
    result.name = std::to_string(major(mount.device)) + ":" + std::to_string(minor(mount.device));
    const files::path device = real_folder(sysfs_ / "dev" / "block" / result.name);
    if (device.empty()) {
        return result;
    }
    result.name = device.filename().string();
    std::set<std::string> seen;
    if (mount.mount.type == "btrfs") {
        for (const std::string& name : btrfs_devices(sysfs_, result.name)) {
            collect(real_folder(sysfs_ / "class" / "block" / name), seen, result.disks);
        }
    } else {
        collect(device, seen, result.disks);
    }
    return result;
}

std::optional<BlockDevice> SysfsBlockDevices::disk(const files::path& folder) const
{
    const std::string size = folder.empty() ? std::string{} : attribute(folder / "size");
    if (size.empty() || size == "0") { // no medium, or a loop device without a file
        return std::nullopt;
    }
    const auto record = database_.find(folder.string());
    if (!record || record->node.empty()) {
        return std::nullopt;
    }
    BlockDevice device;
    device.node = record->node;
    // udev's word for it may be missing: where no udevd runs, or before it has seen the device.
    device.alias = record->dm_name.empty() ? attribute(folder / "dm" / "name") : record->dm_name;
    std::error_code error;
    if (files::is_directory(folder / "slaves", error)) {
        device.dependencies.emplace();
        for (const std::string& name : names_in(folder / "slaves")) {
            if (std::string node = node_of(real_folder(folder / "slaves" / name)); !node.empty()) {
                device.dependencies->push_back(std::move(node));
            }
        }
    }
    if (!is_virtual(sysfs_, folder)) {
        device.address = disk_address(sysfs_, folder, database_);
    }
    return device;
}

void SysfsBlockDevices::add_partitions(const files::path& folder, const std::string& disk_node,
                                       std::vector<BlockDevice>& devices) const
{
    const std::string disk = folder.filename().string();
    for (const std::string& name : names_in(folder)) {
        if (!is_partition_name(name, disk)) {
            continue;
        }
        BlockDevice partition;
        partition.node = node_of(folder / name);
        if (partition.node.empty()) {
            continue;
        }
        partition.partition = true;
        partition.dependencies = {disk_node};
        devices.push_back(std::move(partition));
    }
}

Result<std::vector<BlockDevice>> SysfsBlockDevices::all() const
{
    std::error_code error;
    const files::directory_iterator folder{sysfs_ / "block", error};
    if (error) {
        return fail_errno("Can't open directory \"/sys/block\"", error.value());
    }
    std::vector<BlockDevice> devices;
    for (const std::string& name : names_in(sysfs_ / "block")) {
        const files::path real = real_folder(sysfs_ / "block" / name);
        if (auto device = disk(real)) {
            const std::string node = device->node;
            devices.push_back(*std::move(device));
            add_partitions(real, node, devices);
        }
    }
    std::stable_sort(devices.begin(), devices.end(), by_node);
    return devices;
}

} // namespace frostline::system
