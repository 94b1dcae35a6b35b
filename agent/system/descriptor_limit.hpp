// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace frostline::system {

/// Lets this process have up to `most` descriptors open, as far as its hard limit goes
/// (getrlimit(2), RLIMIT_NOFILE), and returns how many it may have now. At start, before threads.
///
/// Its children go on with the limit it had: a soft limit above 1024 breaks programs that use
/// select(2).
std::size_t raise_descriptor_limit(std::size_t most);

/// In a child between fork and exec: the limit from before raise_descriptor_limit(), if that was
/// called. Async-signal-safe.
[[nodiscard]] bool restore_descriptor_limit() noexcept;

} // namespace frostline::system
