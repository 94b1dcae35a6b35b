// SPDX-License-Identifier: Apache-2.0
#include "common/wire/reply.hpp"

#include "common/json/write.hpp"

#include <utility>

namespace frostline::wire {

namespace {

constexpr std::size_t longest_description = 16384;

std::string finish(json::Object reply, std::optional<json::Value> id)
{
    if (id) {
        reply.append("id", *std::move(id));
    }
    return json::write(std::move(reply)) + "\n";
}

/// Not in the middle of a character.
std::string_view cut(std::string_view text)
{
    if (text.size() <= longest_description) {
        return text;
    }
    std::size_t end = longest_description;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return text.substr(0, end);
}

} // namespace

std::string success_reply(json::Value value, std::optional<json::Value> id)
{
    json::Object reply;
    reply.append("return", std::move(value));
    return finish(std::move(reply), std::move(id));
}

std::string error_reply(std::string_view error_class, std::string_view description,
                        std::optional<json::Value> id)
{
    json::Object error;
    error.append("class", error_class);
    error.append("desc", cut(description));
    json::Object reply;
    reply.append("error", std::move(error));
    return finish(std::move(reply), std::move(id));
}

std::string error_reply(const Error& error, std::optional<json::Value> id)
{
    return error_reply(error_class(error.kind()), error.message(), std::move(id));
}

std::string_view error_class(ErrorKind kind) noexcept
{
    return kind == ErrorKind::command_not_found ? "CommandNotFound" : "GenericError";
}

std::string within_limit(std::string reply, std::size_t limit, const std::optional<json::Value>& id)
{
    if (reply.size() <= limit) {
        return reply;
    }
    const std::string text = "The reply of " + std::to_string(reply.size()) +
                             " bytes is longer than the limit of " + std::to_string(limit) +
                             "; ask for less at a time";
    std::string instead = error_reply(error_class(ErrorKind::invalid_argument), text, id);
    return instead.size() <= limit
               ? instead
               : error_reply(error_class(ErrorKind::invalid_argument), text, std::nullopt);
}

} // namespace frostline::wire
