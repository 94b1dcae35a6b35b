// SPDX-License-Identifier: Apache-2.0
#include "system/disk_address.hpp"

#include "system/sysfs_files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

namespace frostline::system {

namespace {

namespace files = std::filesystem;

/// One step on the way from the root of the device tree to a disk.
struct Step {
    std::string name;
    files::path folder;
};
using Way = std::vector<Step>;

bool starts_with(std::string_view text, std::string_view start)
{
    return text.substr(0, start.size()) == start;
}

/// Reads N numbers with the given separators between them, and nothing else. `base` as in
/// std::from_chars.
template <std::size_t N>
std::optional<std::array<std::int64_t, N>> numbers(std::string_view text,
                                                   std::string_view separators, int base)
{
    std::array<std::int64_t, N> result{};
    for (std::size_t i = 0; i < N; ++i) {
        const auto read = std::from_chars(text.data(), text.data() + text.size(), result[i], base);
        if (read.ec != std::errc{} || text.front() == '-') {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
        if (i + 1 < N) {
            if (text.empty() || text.front() != separators[i]) {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
    }
    return text.empty() ? std::optional{result} : std::nullopt;
}

/// "0000:00:1f.2"
std::optional<PciAddress> pci_function(std::string_view name)
{
    const auto parts = numbers<4>(name, "::.", 16);
    if (!parts) {
        return std::nullopt;
    }
    return PciAddress{(*parts)[0], (*parts)[1], (*parts)[2], (*parts)[3]};
}

/// "ata3", "host0": a word and a number.
bool is_numbered(std::string_view name, std::string_view word)
{
    return starts_with(name, word) && numbers<1>(name.substr(word.size()), "", 10).has_value();
}

struct ScsiAddress {
    std::int64_t channel = 0;
    std::int64_t id = 0;
    std::int64_t lun = 0;
};

/// From ".../target2:0:1/2:0:1:0/...": host, channel, id and logical unit.
std::optional<ScsiAddress> scsi_address(const Way& way)
{
    for (std::size_t i = 0; i + 1 < way.size(); ++i) {
        if (!starts_with(way[i].name, "target")) {
            continue;
        }
        if (const auto parts = numbers<4>(way[i + 1].name, ":::", 10)) {
            return ScsiAddress{(*parts)[1], (*parts)[2], (*parts)[3]};
        }
    }
    return std::nullopt;
}

/// Which of its controller's ports the disk is on, counted from 0. The kernel numbers the ports
/// of all controllers in one row; old ones have no "ata3" in the tree, but a SCSI host per port.
std::optional<std::int64_t> port_index(const Way& way, std::size_t controller)
{
    for (const std::string_view word : {"ata", "host"}) {
        for (std::size_t i = controller + 1; i < way.size(); ++i) {
            if (!is_numbered(way[i].name, word)) {
                continue;
            }
            std::vector<std::string> ports = names_in(way[controller].folder);
            ports.erase(
                std::remove_if(ports.begin(), ports.end(),
                               [&](const std::string& name) { return !is_numbered(name, word); }),
                ports.end());
            const auto port = std::find(ports.begin(), ports.end(), way[i].name);
            if (port == ports.end()) {
                return std::nullopt; // unplugged in the meantime
            }
            return port - ports.begin();
        }
    }
    return std::nullopt;
}

/// Fills in what the driver of a PCI function says about the disk behind it; false where the
/// driver is none that hosts know disks by.
bool read_controller(const Way& way, std::size_t controller, DiskAddress& address)
{
    const std::string driver = link_name(way[controller].folder / "driver");
    const std::optional<ScsiAddress> scsi = scsi_address(way);
    if (driver == "ata_piix") {
        address.bus_type = DiskBus::ide;
        address.bus = port_index(way, controller).value_or(0);
        address.unit = scsi ? scsi->id : 0;
    } else if (driver == "ahci") {
        address.bus_type = DiskBus::sata;
        address.unit = port_index(way, controller).value_or(0);
    } else if (driver == "sym53c8xx") {
        address.bus_type = DiskBus::scsi;
        address.unit = scsi ? scsi->id : 0; // a parallel bus: hosts call its ids units
    } else if (driver == "virtio-pci" && scsi) {
        address.bus_type = DiskBus::scsi;
        address.bus = scsi->channel;
        address.target = scsi->id;
        address.unit = scsi->lun;
    } else if (driver == "virtio-pci") {
        address.bus_type = DiskBus::virtio;
    } else if (driver == "nvme") {
        address.bus_type = DiskBus::nvme;
    } else if (driver == "xhci_hcd" || driver == "ehci-pci" || driver == "ohci-pci" ||
               driver == "uhci_hcd") {
        address.bus_type = DiskBus::usb;
    } else {
        return false;
    }
    return true;
}

/// The outermost PCI function with a driver that we know: behind it there may be others, as a
/// bridge's, in front of it.
bool read_pci(const Way& way, DiskAddress& address)
{
    for (std::size_t i = 0; i < way.size(); ++i) {
        const auto function = pci_function(way[i].name);
        if (function && read_controller(way, i, address)) {
            address.pci = *function;
            return true;
        }
    }
    return false;
}

/// ".../css0/0.0.0004/0.0.1234/...": the subchannel, and the device on it.
bool read_channel(const Way& way, DiskAddress& address)
{
    for (std::size_t i = 0; i + 2 < way.size(); ++i) {
        if (!is_numbered(way[i].name, "css")) {
            continue;
        }
        const auto subchannel = numbers<3>(way[i + 1].name, "..", 16);
        const auto device = numbers<3>(way[i + 2].name, "..", 16);
        if (subchannel && device) {
            address.ccw =
                CcwAddress{(*subchannel)[0], (*subchannel)[1], (*subchannel)[2], (*device)[2]};
            return true;
        }
    }
    return false;
}

/// virtio devices on another transport than PCI: virtio-mmio, channel I/O.
bool read_virtio(const Way& way, DiskAddress& address)
{
    const bool virtio = std::any_of(
        way.begin(), way.end(), [](const Step& step) { return is_numbered(step.name, "virtio"); });
    if (!virtio) {
        return false;
    }
    address.bus_type = DiskBus::virtio;
    if (const auto scsi = scsi_address(way)) {
        address.bus_type = DiskBus::scsi;
        address.bus = scsi->channel;
        address.target = scsi->id;
        address.unit = scsi->lun;
    }
    return true;
}

Way way_to(const files::path& sysfs, const files::path& device)
{
    Way way;
    files::path folder = sysfs;
    for (const files::path& part : device.lexically_relative(sysfs)) {
        folder /= part;
        way.push_back({part.string(), folder});
    }
    return way;
}

/// A kernel that joins the paths to one NVMe namespace puts it below a virtual device, with links
/// to its controllers there: the first one's place is the disk's.
files::path first_controller(const files::path& device)
{
    for (files::path folder = device.parent_path(); folder.has_relative_path();
         folder = folder.parent_path()) {
        if (!is_numbered(folder.filename().string(), "nvme-subsys")) {
            continue;
        }
        for (const std::string& name : names_in(folder)) {
            if (is_numbered(name, "nvme")) {
                return real_folder(folder / name);
            }
        }
    }
    return {};
}

} // namespace

std::optional<DiskAddress> disk_address(const files::path& sysfs, const files::path& device,
                                        const DeviceDatabase& database)
{
    DiskAddress address;
    if (auto record = database.find(device.string())) {
        address.serial = std::move(record->serial);
        address.node = std::move(record->node);
    }
    const files::path controller = first_controller(device);
    const Way way = way_to(sysfs, controller.empty() ? device : controller);
    bool known = read_pci(way, address);
    if (!known) {
        known = read_channel(way, address);
        known = read_virtio(way, address) || known;
    }
    if (!known && address.serial.empty() && address.node.empty()) {
        return std::nullopt;
    }
    return address;
}

} // namespace frostline::system
