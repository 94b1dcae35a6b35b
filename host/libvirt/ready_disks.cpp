// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/ready_disks.hpp"

namespace frostline::host {

Result<DomainDisks> ready_disks(Domain& domain)
{
    if (!domain.local()) {
        return fail(ErrorKind::unsupported,
                    "the domain runs on another machine, and the new images have to be made there: "
                    "run frostline on that machine, or use a command after \"--\"");
    }
    const Result<std::string> description = domain.xml();
    if (!description) {
        return fail(description.error());
    }
    Result<DomainDisks> found = find_domain_disks(*description);
    if (!found) {
        return fail(std::move(found).error());
    }
    std::vector<std::string> targets;
    for (Disk& disk : found->disks) {
        const Result<std::uint64_t> size = domain.disk_size(disk.label);
        if (!size) {
            return fail(size.error());
        }
        disk.size = *size;
        targets.push_back(disk.label);
    }
    if (Result<void> idle = domain.check_idle(targets); !idle) {
        return fail(std::move(idle).error());
    }
    return found;
}

} // namespace frostline::host
