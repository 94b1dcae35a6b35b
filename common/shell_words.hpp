// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.hpp"

#include <string>
#include <vector>

namespace frostline {

/// The words a shell would make of `text`: quotes, backslashes and comments count, nothing is
/// expanded (g_shell_parse_argv). None for blank text; an error for a quote that is not closed.
[[nodiscard]] Result<std::vector<std::string>> shell_words(const std::string& text);

} // namespace frostline
