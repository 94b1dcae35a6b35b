// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"
#include "common/wire/reply.hpp"
#include "rpc/policy.hpp"
#include "rpc/registry.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace frostline::rpc {

/// One line for the audit log. Never holds arguments or results.
struct AuditRecord {
    std::string command;
    std::string outcome; ///< ok, dropped, or the error's class
    std::chrono::microseconds duration{0};
};

/// What all sessions share: the commands, who may run them, and how replies look.
class Dispatcher {
public:
    struct Settings {
        std::size_t max_reply = wire::default_reply_limit; ///< bytes of a reply line
        std::function<bool()> frozen;                      ///< required
        std::function<std::chrono::nanoseconds()> clock;   ///< required; any steady origin
        std::function<void(const AuditRecord&)> audit;     ///< empty: no audit
        std::function<void(const std::string&)>
            on_fault; ///< a stray exception's text; may be empty
    };

    Dispatcher(const Registry& registry, const Policy& policy, Settings settings)
        : registry_(registry), policy_(policy), settings_(std::move(settings))
    {}

    /// The command, or why it may not run (unknown, or disabled now).
    [[nodiscard]] Result<const Command*> look_up(std::string_view name) const;
    [[nodiscard]] bool enabled(const Command& command) const
    {
        return policy_.allows(command, settings_.frozen());
    }
    /// Runs a handler. An exception becomes an internal error.
    void run(const Command& command, const json::Value& arguments, const Call& call) const;

    /// The line for a result, newline included; an error in its place when it is too long.
    [[nodiscard]] std::string reply(Result<json::Value> result,
                                    const std::optional<json::Value>& id) const;

    [[nodiscard]] std::chrono::nanoseconds now() const { return settings_.clock(); }
    void audit(const AuditRecord& record) const;

private:
    const Registry& registry_;
    const Policy& policy_;
    Settings settings_;
};

} // namespace frostline::rpc
