// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace frostline::system {

/// What a processor or a memory block is, or shall be.
enum class OnlineState {
    offline, ///< there, but out of use
    online,  ///< in use
};

} // namespace frostline::system
