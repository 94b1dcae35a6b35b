// SPDX-License-Identifier: Apache-2.0
#include "common/wire/request.hpp"

#include <utility>

namespace frostline::wire {

namespace {

/// The description of what is wrong with one member, after it has been put into `request`.
std::optional<std::string> read_member(json::Object::Member& member, Request& request)
{
    auto& [name, value] = member;
    if (name == "execute") {
        const std::string* text = value.as_string();
        if (text == nullptr) {
            return "QMP input member 'execute' must be a string";
        }
        request.execute = *text;
    } else if (name == "arguments") {
        json::Object* object = value.as_object();
        if (object == nullptr) {
            return "QMP input member 'arguments' must be an object";
        }
        request.arguments = std::move(*object); // a file's contents may be in there
    } else if (name != "id") {
        return "QMP input member '" + name + "' is unexpected";
    }
    return std::nullopt;
}

} // namespace

std::variant<Request, BadRequest> read_request(json::Value message)
{
    json::Object* object = message.as_object();
    if (object == nullptr) {
        return BadRequest{Error{ErrorKind::protocol, "QMP input must be a JSON object"}, {}};
    }
    Request request;
    if (const json::Value* id = object->find("id")) {
        request.id = *id;
    }
    std::optional<std::string> problem;
    for (json::Object::Member& member : object->members()) {
        if (!problem) {
            problem = read_member(member, request);
        }
    }
    if (!problem && object->find("execute") == nullptr) {
        problem = "QMP input lacks member 'execute'";
    }
    if (problem) {
        return BadRequest{Error{ErrorKind::protocol, std::move(*problem)}, std::move(request.id)};
    }
    return request;
}

} // namespace frostline::wire
