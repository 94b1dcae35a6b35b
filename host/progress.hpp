// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace frostline::host {

/// Where the tool says what it is doing right now: a line on a terminal, nothing elsewhere.
class Progress {
public:
    virtual ~Progress() = default;
    virtual void phase(std::string_view what) = 0;
    /// Takes the line away, before something else is printed.
    virtual void done() = 0;
};

} // namespace frostline::host
