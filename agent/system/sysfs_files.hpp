// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Reading the kernel's small files. None of these fails: what has gone in the meantime, as a disk
/// that is being unplugged, is empty. Nothing here opens a device or anything on a disk.
namespace frostline::system {

/// The names in a folder in natural order; empty when there is no such folder.
[[nodiscard]] std::vector<std::string> names_in(const std::filesystem::path& folder);

/// The text of a sysfs attribute without its newline; empty when there is none.
[[nodiscard]] std::string attribute(const std::filesystem::path& file);

/// The last part of what a link points to ("virtio-pci" of a device's `driver`); empty when there
/// is none.
[[nodiscard]] std::string link_name(const std::filesystem::path& link);

/// The real folder behind a path with links in it; empty when it does not exist.
[[nodiscard]] std::filesystem::path real_folder(const std::filesystem::path& path);

/// The kernel's names of all devices of the btrfs that the device `name` belongs to; only `name`
/// where it belongs to none. `sysfs` is the folder that stands for /sys.
[[nodiscard]] std::vector<std::string> btrfs_devices(const std::filesystem::path& sysfs,
                                                     const std::string& name);

/// Whether `a` comes before `b` as people sort: "sda2" before "sda10".
[[nodiscard]] bool natural_less(std::string_view a, std::string_view b);

} // namespace frostline::system
