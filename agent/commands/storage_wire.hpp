// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "qapi/types.hpp"
#include "system/storage.hpp"

/// From what the system tells of storage to what goes over the wire.
namespace frostline::commands {

[[nodiscard]] qapi::GuestDiskAddress to_wire(const system::DiskAddress& address);
/// Without its space, which is asked for separately.
[[nodiscard]] qapi::GuestFilesystemInfo to_wire(const system::BlockMount& mount,
                                                const system::MountedDevice& device);
/// Without its health, which is asked for separately.
[[nodiscard]] qapi::GuestDiskInfo to_wire(const system::BlockDevice& device);
[[nodiscard]] qapi::GuestDiskSmart to_wire(const system::NvmeSmart& smart);
[[nodiscard]] qapi::GuestDiskStatsInfo to_wire(const system::DiskStats& stats);

} // namespace frostline::commands
