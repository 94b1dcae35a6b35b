// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace frostline::json {

/// What one message may cost, counted as QEMU counts it. A message at a limit passes, one beyond
/// does not, except for the text: its sum must stay below.
struct Limits {
    std::size_t nesting = 1024;                      ///< braces and brackets open at once
    std::size_t tokens = std::size_t{1} << 21U;      ///< structural characters, words, values
    std::size_t token_text = std::size_t{64} << 20U; ///< bytes, quotes included, white space not
};

} // namespace frostline::json
