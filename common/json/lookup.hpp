// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/json/value.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Members of an object whose absence, or another type, is as good as nothing: for answers of
/// programs that leave out what they don't know. Where a member must be there, decode with the
/// generated types.
namespace frostline::json {

/// Empty: not there, no string, or `value` is no object.
[[nodiscard]] std::string string_at(const Value& value, std::string_view name);
/// 0 for what isn't there or isn't a number above 0.
[[nodiscard]] std::uint64_t number_at(const Value& value, std::string_view name);
[[nodiscard]] bool true_at(const Value& value, std::string_view name);

} // namespace frostline::json
