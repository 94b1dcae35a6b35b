// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ctl/outcome.hpp"

namespace frostline::ctl {

/// Writes a commented hook to begin with: a program, and for a session the key file that names it.
/// Never over a file that is there. A name without a stage gets stage 50.
[[nodiscard]] Outcome new_hook(const Options& options);

} // namespace frostline::ctl
