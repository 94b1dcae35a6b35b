// SPDX-License-Identifier: Apache-2.0
#include "host/snapshot/disks.hpp"

#include "common/json/lookup.hpp"
#include "common/text.hpp"

#include <string_view>

namespace frostline::host {

namespace {

/// "/machine/peripheral/vb1/virtio-backend" is known to people as "vb1".
std::string short_device(std::string_view qdev)
{
    constexpr std::string_view named = "/machine/peripheral/";
    if (qdev.substr(0, named.size()) == named) {
        qdev.remove_prefix(named.size());
        return std::string{qdev.substr(0, qdev.find('/'))};
    }
    return std::string{qdev};
}

/// Whether a local file or block device of that name is among the nodes.
bool is_local(const json::Value& nodes, const std::string& filename)
{
    const json::Array* all = nodes.as_array();
    if (all == nullptr) {
        return false;
    }
    for (const json::Value& node : *all) {
        const std::string driver = json::string_at(node, "drv");
        if ((driver == "file" || driver == "host_device") &&
            json::string_at(node, "file") == filename) {
            return true;
        }
    }
    return false;
}

/// Whether a guest can write to it as a disk. A drive without a device is nobody's, and the
/// firmware's variables are no disk: they change when the firmware runs.
bool is_guest_disk(const json::Value& device, const json::Value& inserted)
{
    constexpr std::string_view firmware = "/machine/system.flash";
    const std::string qdev = json::string_at(device, "qdev");
    return !json::true_at(inserted, "ro") && !qdev.empty() &&
           qdev.compare(0, firmware.size(), firmware) != 0;
}

Failure unfit(const Disk& disk, const std::string& why)
{
    return fail(ErrorKind::unsupported,
                "disk " + text::printable(disk.label) + ": " + why +
                    "; a snapshot has to cover every writable disk of the guest");
}

Result<Disk> read_disk(const json::Value& device, const json::Value& inserted,
                       const json::Value& nodes, const std::string& directory)
{
    Disk disk;
    disk.qdev = json::string_at(device, "qdev");
    disk.drive = json::string_at(device, "device");
    disk.label = !disk.drive.empty() ? disk.drive : short_device(disk.qdev);
    disk.node = json::string_at(inserted, "node-name");
    disk.format = json::string_at(inserted, "drv");
    disk.base = json::string_at(inserted, "file");
    if (std::string zeroes = json::string_at(inserted, "detect_zeroes"); !zeroes.empty()) {
        disk.detect_zeroes = std::move(zeroes);
    }
    if (disk.format != "raw" && disk.format != "qcow2") {
        return unfit(disk, "its driver is '" + text::printable(disk.format) +
                               "', and an overlay needs raw or qcow2 with no filter on top");
    }
    if (json::true_at(inserted, "encrypted")) {
        return unfit(disk, "its image is encrypted, and an overlay would hold the guest's data "
                           "in the clear");
    }
    if (disk.base.empty() || !is_local(nodes, disk.base)) {
        return unfit(disk, "it isn't kept in a local file or block device (" +
                               text::printable(disk.base) + ")");
    }
    if (disk.base.front() != '/') {
        if (directory.empty()) {
            return unfit(disk, "its path '" + text::printable(disk.base) +
                                   "' is relative to a directory that only QEMU knows; start "
                                   "QEMU with absolute paths");
        }
        disk.base = directory + "/" + disk.base;
    }
    const json::Value* image = inserted.find("image");
    const json::Value* size = image != nullptr ? image->find("virtual-size") : nullptr;
    if (size == nullptr || size->as_int() == nullptr || *size->as_int() <= 0) {
        return unfit(disk, "QEMU doesn't tell its size");
    }
    disk.size = static_cast<std::uint64_t>(*size->as_int());
    if (const json::Value* cache = inserted.find("cache"); cache != nullptr) {
        disk.direct = json::true_at(*cache, "direct");
        disk.no_flush = json::true_at(*cache, "no-flush");
    }
    return disk;
}

} // namespace

Result<std::vector<Disk>> find_disks(const json::Value& blocks, const json::Value& nodes,
                                     const std::string& directory)
{
    const json::Array* devices = blocks.as_array();
    if (devices == nullptr) {
        return fail(ErrorKind::protocol, "QEMU's answer to query-block is no list");
    }
    std::vector<Disk> disks;
    for (const json::Value& device : *devices) {
        const json::Value* inserted = device.find("inserted");
        if (inserted == nullptr || !is_guest_disk(device, *inserted)) {
            continue;
        }
        Result<Disk> disk = read_disk(device, *inserted, nodes, directory);
        if (!disk) {
            return fail(std::move(disk).error());
        }
        disks.push_back(std::move(*disk));
    }
    if (disks.empty()) {
        return fail(ErrorKind::not_found, "the guest has no writable disk to take a snapshot of");
    }
    return disks;
}

const json::Value* find_device(const json::Value& blocks, const Disk& disk)
{
    const json::Array* devices = blocks.as_array();
    if (devices == nullptr) {
        return nullptr;
    }
    for (const json::Value& device : *devices) {
        if (json::string_at(device, "qdev") == disk.qdev &&
            json::string_at(device, "device") == disk.drive) {
            return &device;
        }
    }
    return nullptr;
}

std::string current_node(const json::Value& device)
{
    const json::Value* inserted = device.find("inserted");
    return inserted != nullptr ? json::string_at(*inserted, "node-name") : std::string{};
}

std::string current_file(const json::Value& device)
{
    const json::Value* inserted = device.find("inserted");
    return inserted != nullptr ? json::string_at(*inserted, "file") : std::string{};
}

} // namespace frostline::host
