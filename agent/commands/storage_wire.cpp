// SPDX-License-Identifier: Apache-2.0
#include "commands/storage_wire.hpp"

#include <optional>
#include <string>

namespace frostline::commands {

namespace {

std::optional<std::string> unless_empty(const std::string& text)
{
    return text.empty() ? std::nullopt : std::optional{text};
}

qapi::GuestDiskBusType to_wire(system::DiskBus bus)
{
    switch (bus) {
    case system::DiskBus::ide:
        return qapi::GuestDiskBusType::ide;
    case system::DiskBus::scsi:
        return qapi::GuestDiskBusType::scsi;
    case system::DiskBus::virtio:
        return qapi::GuestDiskBusType::virtio;
    case system::DiskBus::usb:
        return qapi::GuestDiskBusType::usb;
    case system::DiskBus::sata:
        return qapi::GuestDiskBusType::sata;
    case system::DiskBus::nvme:
        return qapi::GuestDiskBusType::nvme;
    case system::DiskBus::unknown:
        break;
    }
    return qapi::GuestDiskBusType::unknown;
}

} // namespace

qapi::GuestDiskAddress to_wire(const system::DiskAddress& address)
{
    qapi::GuestDiskAddress out;
    out.pci_controller.domain = address.pci.domain;
    out.pci_controller.bus = address.pci.bus;
    out.pci_controller.slot = address.pci.slot;
    out.pci_controller.function = address.pci.function;
    out.bus_type = to_wire(address.bus_type);
    out.bus = address.bus;
    out.target = address.target;
    out.unit = address.unit;
    out.serial = unless_empty(address.serial);
    out.dev = unless_empty(address.node);
    if (address.ccw) {
        qapi::GuestCCWAddress ccw;
        ccw.cssid = address.ccw->cssid;
        ccw.ssid = address.ccw->ssid;
        ccw.subchno = address.ccw->subchno;
        ccw.devno = address.ccw->devno;
        out.ccw_address = ccw;
    }
    return out;
}

qapi::GuestFilesystemInfo to_wire(const system::BlockMount& mount,
                                  const system::MountedDevice& device)
{
    qapi::GuestFilesystemInfo out;
    out.name = device.name;
    out.mountpoint = mount.mount.mount_point;
    out.type = mount.mount.type;
    for (const system::DiskAddress& disk : device.disks) {
        out.disk.push_back(to_wire(disk));
    }
    return out;
}

qapi::GuestDiskInfo to_wire(const system::BlockDevice& device)
{
    qapi::GuestDiskInfo out;
    out.name = device.node;
    out.partition = device.partition;
    out.dependencies = device.dependencies;
    if (device.address) {
        out.address = to_wire(*device.address);
    }
    out.alias = unless_empty(device.alias);
    return out;
}

qapi::GuestDiskSmart to_wire(const system::NvmeSmart& smart)
{
    qapi::GuestDiskSmart out;
    out.type = qapi::GuestDiskSmartType::nvme;
    out.critical_warning = smart.critical_warning;
    out.temperature = smart.temperature;
    out.available_spare = smart.available_spare;
    out.available_spare_threshold = smart.available_spare_threshold;
    out.percentage_used = smart.percentage_used;
    out.data_units_read_lo = smart.data_units_read.low;
    out.data_units_read_hi = smart.data_units_read.high;
    out.data_units_written_lo = smart.data_units_written.low;
    out.data_units_written_hi = smart.data_units_written.high;
    out.host_read_commands_lo = smart.host_read_commands.low;
    out.host_read_commands_hi = smart.host_read_commands.high;
    out.host_write_commands_lo = smart.host_write_commands.low;
    out.host_write_commands_hi = smart.host_write_commands.high;
    out.controller_busy_time_lo = smart.controller_busy_time.low;
    out.controller_busy_time_hi = smart.controller_busy_time.high;
    out.power_cycles_lo = smart.power_cycles.low;
    out.power_cycles_hi = smart.power_cycles.high;
    out.power_on_hours_lo = smart.power_on_hours.low;
    out.power_on_hours_hi = smart.power_on_hours.high;
    out.unsafe_shutdowns_lo = smart.unsafe_shutdowns.low;
    out.unsafe_shutdowns_hi = smart.unsafe_shutdowns.high;
    out.media_errors_lo = smart.media_errors.low;
    out.media_errors_hi = smart.media_errors.high;
    out.number_of_error_log_entries_lo = smart.error_log_entries.low;
    out.number_of_error_log_entries_hi = smart.error_log_entries.high;
    return out;
}

qapi::GuestDiskStatsInfo to_wire(const system::DiskStats& stats)
{
    qapi::GuestDiskStatsInfo out;
    out.name = stats.name;
    out.major = stats.major;
    out.minor = stats.minor;
    out.stats.read_ios = stats.read_ios;
    out.stats.read_merges = stats.read_merges;
    out.stats.read_sectors = stats.read_sectors;
    out.stats.read_ticks = stats.read_ticks;
    out.stats.write_ios = stats.write_ios;
    out.stats.write_merges = stats.write_merges;
    out.stats.write_sectors = stats.write_sectors;
    out.stats.write_ticks = stats.write_ticks;
    out.stats.ios_pgr = stats.ios_in_progress;
    out.stats.total_ticks = stats.total_ticks;
    out.stats.weight_ticks = stats.weight_ticks;
    out.stats.discard_ios = stats.discard_ios;
    out.stats.discard_merges = stats.discard_merges;
    out.stats.discard_sectors = stats.discard_sectors;
    out.stats.discard_ticks = stats.discard_ticks;
    out.stats.flush_ios = stats.flush_ios;
    out.stats.flush_ticks = stats.flush_ticks;
    return out;
}

} // namespace frostline::commands
