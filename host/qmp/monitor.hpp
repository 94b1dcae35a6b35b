// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/answer.hpp"
#include "host/io/waiter.hpp"

#include <string_view>

namespace frostline::host {

/// QEMU's monitor, as the snapshot methods need it. Tests script it.
class Monitor {
public:
    virtual ~Monitor() = default;

    /// One command, one answer. A failure of the outer Result: no answer (timeout, cancelled, io,
    /// protocol); the command may still be executed later.
    [[nodiscard]] virtual Result<Reply> execute(std::string_view command, json::Object arguments,
                                                TimePoint until) = 0;
};

} // namespace frostline::host
