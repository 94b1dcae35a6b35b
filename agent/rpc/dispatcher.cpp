// SPDX-License-Identifier: Apache-2.0
#include "rpc/dispatcher.hpp"

#include "common/wire/reply.hpp"

#include <exception>
#include <utility>

namespace frostline::rpc {

Result<const Command*> Dispatcher::look_up(std::string_view name) const
{
    const Command* command = registry_.find(name);
    if (command == nullptr) {
        return fail(ErrorKind::command_not_found,
                    "The command " + std::string{name} + " has not been found");
    }
    if (!enabled(*command)) {
        return fail(ErrorKind::command_not_found, "Command " + command->name +
                                                      " has been disabled: the command is not "
                                                      "allowed");
    }
    return command;
}

void Dispatcher::run(const Command& command, const json::Value& arguments, const Call& call) const
{
    const auto fault = [&](const std::string& what) {
        if (settings_.on_fault) {
            settings_.on_fault(command.name + ": " + what);
        }
        call.complete(fail(ErrorKind::internal, "internal error in " + command.name + ": " + what));
    };
    try {
        command.run(arguments, call);
    } catch (const std::exception& error) {
        fault(error.what());
    } catch (...) {
        fault("unknown exception");
    }
}

std::string Dispatcher::reply(Result<json::Value> result,
                              const std::optional<json::Value>& id) const
{
    return wire::within_limit(result ? wire::success_reply(std::move(*result), id)
                                     : wire::error_reply(result.error(), id),
                              settings_.max_reply, id);
}

void Dispatcher::audit(const AuditRecord& record) const
{
    if (settings_.audit) {
        settings_.audit(record);
    }
}

} // namespace frostline::rpc
