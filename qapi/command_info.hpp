// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "qapi/codec.hpp"

#include <string_view>

namespace frostline::qapi {

/// What the dispatcher has to know of a command before it decodes anything.
struct CommandInfo {
    std::string_view name;
    bool success_response = true; ///< false: answers only when it fails
    bool allowed_while_frozen = false;
    bool never_blocked_while_frozen = false; ///< a freeze could not be ended without it
    bool immediate = false;                  ///< answered while something else runs for long
    bool long_running = false;               ///< may take long; later commands wait for it
};

template <typename Command>
[[nodiscard]] constexpr CommandInfo command_info() noexcept
{
    return {Command::name,
            Command::success_response,
            Command::allowed_while_frozen,
            Command::never_blocked_while_frozen,
            Command::immediate,
            Command::long_running};
}

/// In the agent: strict, errors as qemu-ga words them.
template <typename Command>
[[nodiscard]] Result<typename Command::Arguments> decode_arguments(const json::Value& object)
{
    return decode<typename Command::Arguments>(object);
}

/// On the host.
template <typename Command>
[[nodiscard]] json::Value encode_arguments(const typename Command::Arguments& arguments)
{
    return encode(arguments);
}

/// On the host: `value` is what stands under "return". Unknown members are ignored.
template <typename Command>
[[nodiscard]] Result<typename Command::Return> decode_return(const json::Value& value)
{
    return decode<typename Command::Return>(value, "return", Unknown::ignore);
}

} // namespace frostline::qapi
