// SPDX-License-Identifier: Apache-2.0
#include "host/agent/libvirt_transport.hpp"

namespace frostline::host {

Result<std::unique_ptr<AgentTransport>>
connect_libvirt(const std::string& /*uri*/, const std::string& /*domain*/, Waiter& /*waiter*/)
{
    return fail(ErrorKind::unsupported, "this frostline was built without libvirt; reach the guest "
                                        "by its agent's socket: --socket PATH");
}

} // namespace frostline::host
