// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "rpc/call.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::rpc {

/// What the handler of a command means for other requests on its connection.
enum class Resync {
    no,
    plain,     ///< guest-sync: its success voids every older request
    delimited, ///< guest-sync-delimited: so does this, and 0xFF goes in front of the reply
};

struct Command {
    std::string name;
    bool success_response = true;
    bool allowed_while_frozen = false;
    bool never_blocked_while_frozen = false; ///< a freeze could not be ended without it
    bool immediate = false;                  ///< answered while something long runs
    Resync resync = Resync::no;
    std::function<void(const json::Value& arguments, Call call)> run;
};

/// The commands of this agent, in registration order.
class Registry {
public:
    void add(Command command) { commands_.push_back(std::move(command)); }

    /// nullptr when there is none of that name.
    [[nodiscard]] const Command* find(std::string_view name) const
    {
        for (const Command& command : commands_) {
            if (command.name == name) {
                return &command;
            }
        }
        return nullptr;
    }
    [[nodiscard]] const std::vector<Command>& commands() const noexcept { return commands_; }

private:
    std::vector<Command> commands_;
};

} // namespace frostline::rpc
