// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"
#include "host/snapshot/disks.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace frostline::host {

struct DomainDisks {
    std::vector<Disk> disks; ///< label is the target (vda); their sizes are not known here
    std::vector<std::string> left_out; ///< writable, but marked snapshot='no' in the domain
};

/// The writable disks in a domain's XML; CD-ROMs, floppies, empty drives and read-only disks are
/// left out. A disk that can't get an overlay (not raw or qcow2, not in a file or block device,
/// shared between guests) is an error naming it.
[[nodiscard]] Result<DomainDisks> find_domain_disks(std::string_view domain_xml);

/// (target, source) of all writable disks, whatever they lie on: a path, a device, or the name that
/// the storage knows it by (POOL/IMAGE).
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>>
writable_sources(std::string_view domain_xml);

/// Every file and device that the domain's XML names as the source of anything: disks, the images
/// below them, targets of jobs.
[[nodiscard]] Result<std::vector<std::string>> all_sources(std::string_view domain_xml);

/// Whether libvirt would switch the disk to the image that its job keeps alike (formatdomain,
/// `mirror`: ready='yes'). The numbers of the job may say so earlier than libvirt has heard of it.
[[nodiscard]] Result<bool> mirror_ready(std::string_view domain_xml, const std::string& target);

/// The image that a disk of the domain uses; empty where there is no such disk.
[[nodiscard]] Result<std::string> source_of(std::string_view domain_xml, const std::string& target);

} // namespace frostline::host
