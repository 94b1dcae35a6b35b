// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ctl/outcome.hpp"

namespace frostline::ctl {

/// Looks at a system that does not run, for a pipeline that bakes images: the programs, the
/// service, the configuration and the hook files. Becomes a process of that system (chroot(2), in a
/// mount namespace of its own), so that every path and every link in it means there what it will
/// mean; so it needs root, and nothing else may be done afterwards.
[[nodiscard]] Outcome check_image(const Options& options);

} // namespace frostline::ctl
