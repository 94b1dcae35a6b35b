// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <string>
#include <utility>
#include <variant>

namespace frostline::host {

/// An error that the other side answered: it has understood the command and refused or failed it.
struct PeerError {
    std::string error_class;
    std::string description;
};

/// What a peer answered: a value or an error of its own. Wrapped in Result, whose failure means
/// that there was no answer, so that nobody knows whether the command was or will be executed.
template <typename T>
class Answer {
public:
    Answer(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Answer(PeerError error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool good() const noexcept { return state_.index() == 0; }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
    [[nodiscard]] const PeerError& error() const& { return std::get<1>(state_); }

private:
    std::variant<T, PeerError> state_;
};

using Reply = Answer<json::Value>;

/// For callers that treat an error answer like any other failure: kind command_not_found for that
/// class, io for the rest, with the peer's own description.
template <typename T>
[[nodiscard]] Result<T> flatten(Result<Answer<T>> result)
{
    if (!result) {
        return fail(std::move(result).error());
    }
    if (!result->good()) {
        const PeerError& error = result->error();
        return fail(error.error_class == "CommandNotFound" ? ErrorKind::command_not_found
                                                           : ErrorKind::io,
                    error.description);
    }
    return std::move(*result).value();
}

/// Reads {"return": …} or {"error": {"class", "desc"}}. Anything else: a protocol error.
[[nodiscard]] Result<Reply> read_reply(const json::Value& message);

} // namespace frostline::host
