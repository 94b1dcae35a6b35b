// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/io/answer.hpp"
#include "host/io/waiter.hpp"

#include <string>
#include <string_view>

namespace frostline::host {

/// A way to one guest agent. Connects by itself when needed, and again after a lost connection.
class AgentTransport {
public:
    virtual ~AgentTransport() = default;

    /// One command, one answer. A failure of the outer Result: no answer. Then the command may
    /// have been executed, may be under way, or may not have arrived; the next call first makes
    /// sure that it can't take the old answer for its own.
    [[nodiscard]] virtual Result<Reply> call(std::string_view command, json::Object arguments,
                                             TimePoint until) = 0;
};

} // namespace frostline::host
