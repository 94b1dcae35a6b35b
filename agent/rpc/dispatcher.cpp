// SPDX-License-Identifier: Apache-2.0
#include "rpc/dispatcher.hpp"

#include "common/json/write.hpp"
#include "common/text.hpp"

#include <exception>
#include <utility>

namespace frostline::rpc {

namespace {

std::string line(const char* member, json::Value value, const std::optional<json::Value>& id)
{
    json::Object object;
    object.set(member, std::move(value));
    if (id) {
        object.set("id", *id);
    }
    return json::write(json::Value{std::move(object)}) + "\n";
}

std::string error_line(const Error& error, const std::optional<json::Value>& id)
{
    json::Object body;
    body.set("class", json::Value{error_class(error.kind())});
    body.set("desc", json::Value{error.message()});
    return line("error", json::Value{std::move(body)}, id);
}

} // namespace

std::string_view error_class(ErrorKind kind)
{
    return kind == ErrorKind::command_not_found ? "CommandNotFound" : "GenericError";
}

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

std::string Dispatcher::reply(const Result<json::Value>& result,
                              const std::optional<json::Value>& id) const
{
    std::string text = result ? line("return", *result, id) : error_line(result.error(), id);
    if (text.size() <= settings_.max_reply) {
        return text;
    }
    const Error too_long{ErrorKind::unsupported, "the reply would be " +
                                                     std::to_string(text.size()) +
                                                     " bytes long, and [agent] max-reply allows " +
                                                     std::to_string(settings_.max_reply)};
    text = error_line(too_long, id);
    // An id of many megabytes cannot be given back either.
    return text.size() <= settings_.max_reply ? text : error_line(too_long, std::nullopt);
}

void Dispatcher::audit(const AuditRecord& record) const
{
    if (settings_.audit) {
        settings_.audit(record);
    }
}

} // namespace frostline::rpc
