// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/cli/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace frostline::host {

/// One option: sets its part of Options from its value (empty when it takes none).
struct OptionEntry {
    std::string_view name;
    bool takes_value;
    std::vector<Verb> only; ///< verbs that know it; empty: all
    Result<void> (*apply)(Options&, const std::string&);
};

/// All there are.
[[nodiscard]] const std::vector<OptionEntry>& option_table();

/// What is wrong with a command line, with a hint.
[[nodiscard]] Failure usage(std::string message);

} // namespace frostline::host
