// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace frostline::host {

/// A disk that the guest can write, as the monitor describes it.
struct Disk {
    std::string label;      ///< for people: the drive's or the device's id
    std::string qdev;       ///< which device of query-block it is, together with `drive`
    std::string drive;      ///< the id of -drive; empty with -blockdev
    std::string node;       ///< the block node the device writes to
    std::string format;     ///< raw or qcow2
    std::string base;       ///< the image's absolute path
    std::uint64_t size = 0; ///< what the guest sees, in bytes
    bool direct = false;    ///< cache.direct of the base
    bool no_flush = false;  ///< cache.no-flush of the base
    std::string detect_zeroes = "off";
};

/// The writable disks in the answer of query-block; CD-ROMs, empty drives, read-only disks, drives
/// without a device and firmware variables are left out. A disk that can't get an overlay (not raw
/// or qcow2, not in a local file or block device, encrypted, a filter on top) is an error naming
/// it, because a snapshot that leaves out a disk is none. Relative image paths are completed with
/// `directory`, QEMU's own; when that is empty they are an error.
[[nodiscard]] Result<std::vector<Disk>>
find_disks(const json::Value& blocks, const json::Value& nodes, const std::string& directory);

/// The entry of query-block's answer that belongs to the disk; nullptr when it has gone.
[[nodiscard]] const json::Value* find_device(const json::Value& blocks, const Disk& disk);

/// The node and the file that a device of query-block's answer uses now; empty when unknown.
[[nodiscard]] std::string current_node(const json::Value& device);
[[nodiscard]] std::string current_file(const json::Value& device);

} // namespace frostline::host
