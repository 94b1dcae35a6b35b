// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt/domain.hpp"

namespace frostline::host {

Result<std::unique_ptr<Domain>> connect_libvirt(const std::string& /*uri*/,
                                                const std::string& /*name*/, Waiter& /*waiter*/)
{
    return fail(ErrorKind::unsupported, "this frostline was built without libvirt; reach the guest "
                                        "by its agent's socket: --socket PATH");
}

} // namespace frostline::host
