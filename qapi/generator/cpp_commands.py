# SPDX-License-Identifier: Apache-2.0
"""commands.hpp: a tag type per command, and the table of all of them."""

from cpp import HEADER, arguments_type, return_type


def _flag(value):
    return "true" if value else "false"


def _tag(command):
    return f"""/// {command.doc}
struct {command.cpp_name} {{
    using Arguments = {arguments_type(command)};
    using Return = {return_type(command)};
    static constexpr std::string_view name = "{command.name}";
    static constexpr bool success_response = {_flag(command.success_response)};
    static constexpr bool allowed_while_frozen = {_flag(command.allowed_while_frozen)};
    static constexpr bool never_blocked_while_frozen =
        {_flag(command.never_blocked_while_frozen)};
    static constexpr bool immediate = {_flag(command.immediate)};
    static constexpr bool long_running = {_flag(command.long_running)};
}};
"""


def header(schema):
    commands = schema.commands()
    rows = "\n".join(f"    command_info<{command.cpp_name}>()," for command in commands)
    tags = "\n".join(_tag(command) for command in commands)
    return f"""{HEADER}#pragma once

#include "qapi/command_info.hpp"
#include "qapi/types.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace frostline::qapi {{

{tags}
/// In the order of registration; guest-info lists them backwards.
inline constexpr std::array<CommandInfo, {len(commands)}> command_table{{
{rows}
}};

}} // namespace frostline::qapi
"""
