// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"

#include <optional>
#include <string>
#include <variant>

namespace frostline::wire {

struct Request {
    std::string execute;
    json::Object arguments; ///< empty when the request had none
    std::optional<json::Value> id;
};

/// A message that is no request; the error is answered with the id it had.
struct BadRequest {
    Error error;
    std::optional<json::Value> id;
};

/// Reads `{"execute": ..., "arguments": ..., "id": ...}`; the errors are worded as qemu-ga's.
[[nodiscard]] std::variant<Request, BadRequest> read_request(json::Value message);

} // namespace frostline::wire
