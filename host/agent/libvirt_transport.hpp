// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/agent/transport.hpp"

#include <memory>
#include <string>

namespace frostline::host {

/// The agent of a libvirt domain, reached through libvirt's own connection to it. `uri` empty:
/// libvirt's default. `domain` is a name, a UUID or an id. Nothing is opened before the first call
/// or connect_libvirt() itself. Errors: unsupported when this frostline was built without libvirt,
/// not_found for an unknown domain, io with libvirt's text.
[[nodiscard]] Result<std::unique_ptr<AgentTransport>>
connect_libvirt(const std::string& uri, const std::string& domain, Waiter& waiter);

} // namespace frostline::host
