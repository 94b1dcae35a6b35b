// SPDX-License-Identifier: Apache-2.0
#include "common/json/lookup.hpp"

namespace frostline::json {

std::string string_at(const Value& value, std::string_view name)
{
    const Value* found = value.find(name);
    return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string{};
}

std::uint64_t number_at(const Value& value, std::string_view name)
{
    const Value* found = value.find(name);
    const std::int64_t* number = found != nullptr ? found->as_int() : nullptr;
    return number != nullptr && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

bool true_at(const Value& value, std::string_view name)
{
    const Value* found = value.find(name);
    return found != nullptr && found->as_bool() != nullptr && *found->as_bool();
}

} // namespace frostline::json
