// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/libvirt/domain.hpp"
#include "host/libvirt/domain_disks.hpp"

namespace frostline::host {

/// The disks of a domain that a snapshot can be made of now, with their sizes. Errors: unsupported
/// when it runs on another machine; busy when a job is under way; those of find_domain_disks().
[[nodiscard]] Result<DomainDisks> ready_disks(Domain& domain);

} // namespace frostline::host
