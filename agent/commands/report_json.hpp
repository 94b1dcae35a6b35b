// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "freeze/report.hpp"
#include "freeze/session.hpp"
#include "hooks/quiescer.hpp"
#include "qapi/types.hpp"

/// From what the freeze and the hooks tell to what goes over the wire.
namespace frostline::commands {

[[nodiscard]] qapi::FreezeReport to_wire(const freeze::Report& report);
[[nodiscard]] qapi::FreezeStatus to_wire(const freeze::Status& status);
[[nodiscard]] std::vector<qapi::HookInfo> to_wire(const std::vector<hooks::HookListing>& hooks);

} // namespace frostline::commands
