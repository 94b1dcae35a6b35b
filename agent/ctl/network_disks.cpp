// SPDX-License-Identifier: Apache-2.0
#include "ctl/network_disks.hpp"

#include "system/sysfs_files.hpp"

#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include <sys/sysmacros.h>

namespace frostline::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, const char*>, 3> named_so{{
    {"nbd", "network block device"},
    {"rbd", "Ceph RBD"},
    {"drbd", "DRBD"},
}};

/// "nvme0" of nvme0n1 and of nvme0c1n1's controller nvme1.
std::string nvme_controller(const std::string& name)
{
    const std::size_t channel = name.find('c');
    const std::size_t space = name.find('n', 1);
    if (channel != std::string::npos && channel < space) {
        return "nvme" + name.substr(channel + 1, space - channel - 1);
    }
    return name.substr(0, space);
}

std::optional<std::string> kind_of(const std::string& sys, const fs::path& device)
{
    const std::string name = device.filename();
    for (const auto& [prefix, kind] : named_so) {
        if (name.rfind(prefix, 0) == 0) {
            return kind;
        }
    }
    // .../hostN/sessionN/target...: what the iSCSI transport class puts between host and disk.
    if (device.string().find("/session") != std::string::npos) {
        return "iSCSI";
    }
    if (name.rfind("nvme", 0) == 0) {
        const std::string transport =
            system::attribute(fs::path{sys} / "class/nvme" / nvme_controller(name) / "transport");
        if (!transport.empty() && transport != "pcie" && transport != "loop") {
            return "NVMe over " + transport;
        }
    }
    return std::nullopt;
}

class Walk {
public:
    explicit Walk(const std::string& sys) : sys_(sys) {}

    std::optional<std::string> look(fs::path device)
    {
        std::error_code error;
        if (fs::exists(device / "partition", error)) {
            device = device.parent_path();
        }
        if (!seen_.insert(device.string()).second) {
            return std::nullopt;
        }
        if (const auto kind = kind_of(sys_, device)) {
            return device.filename().string() + " (" + *kind + ")";
        }
        for (fs::directory_iterator slave{device / "slaves", error}, end; !error && slave != end;
             slave.increment(error)) {
            std::error_code gone;
            const fs::path below = fs::canonical(slave->path(), gone);
            if (!gone) {
                if (auto found = look(below)) {
                    return found;
                }
            }
        }
        return std::nullopt;
    }

private:
    const std::string& sys_;
    std::set<std::string> seen_;
};

} // namespace

std::optional<std::string> network_disk(const std::string& sys, dev_t device)
{
    std::error_code error;
    const fs::path path =
        fs::canonical(fs::path{sys} / "dev/block" /
                          (std::to_string(major(device)) + ":" + std::to_string(minor(device))),
                      error);
    return error ? std::nullopt : Walk{sys}.look(path);
}

} // namespace frostline::ctl
