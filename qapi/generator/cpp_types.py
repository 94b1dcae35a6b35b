# SPDX-License-Identifier: Apache-2.0
"""types.hpp and types.cpp: a C++ type per enum, struct and alternate, and how to read and write each."""

from cpp import HEADER, arguments_type, identifier, member_declaration, type_name
from schema import UNRECOGNIZED, Alternate, Command, Enum, Struct

# How a value of each kind is recognised.
IS_KIND = {
    "boolean": "value.as_bool() != nullptr",
    "number": "is_number(value)",
    "string": "value.as_string() != nullptr",
    "object": "value.as_object() != nullptr",
}


def _types(schema):
    """In the order of definition; a command's arguments are a struct like any other."""
    for section in schema.sections:
        for definition in section.definitions:
            if not isinstance(definition, Command):
                yield definition
            elif definition.arguments:
                doc = f"The arguments of {definition.name}."
                yield Struct(
                    arguments_type(definition), doc, definition.since, definition.arguments
                )


def _codec(name):
    return f"""template <>
struct Codec<{name}> {{
    [[nodiscard]] static Result<{name}> decode(const json::Value& value, const std::string& path,
                                               Unknown unknown);
    [[nodiscard]] static json::Value encode(const {name}& value);
}};
"""


def _declare_enum(enum):
    values = "\n".join(f"    {identifier(v)}, ///< {doc}" for v, doc in enum.values.items())
    values += f"\n    {UNRECOGNIZED}, ///< a word that this version doesn't know, from a newer agent"
    return f"""/// {enum.doc}
enum class {enum.name} {{
{values}
}};
/// As it is written on the wire.
[[nodiscard]] std::string_view to_string({enum.name} value) noexcept;
{_codec(enum.name)}"""


def _declare_struct(struct):
    members = "\n".join(member_declaration(member) for member in struct.members)
    return f"""/// {struct.doc}
struct {struct.name} {{
{members}

    friend bool operator==(const {struct.name}&, const {struct.name}&) = default;
}};
{_codec(struct.name)}"""


def _declare_alternate(alternate):
    names = ", ".join(type_name(branch.type) for branch in alternate.branches)
    return f"""/// {alternate.doc}
struct {alternate.name} {{
    std::variant<{names}> value;

    friend bool operator==(const {alternate.name}&, const {alternate.name}&) = default;
}};
{_codec(alternate.name)}"""


DECLARE = {Enum: _declare_enum, Struct: _declare_struct, Alternate: _declare_alternate}


def header(schema):
    parts = [
        HEADER,
        """#pragma once

#include "common/json/value.hpp"
#include "common/result.hpp"
#include "qapi/codec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace frostline::qapi {
""",
    ]
    parts += [DECLARE[type(definition)](definition) for definition in _types(schema)]
    parts.append("} // namespace frostline::qapi\n")
    return "\n".join(parts)


def _define_enum(enum):
    names = "\n".join(f'    "{value}",' for value in [*enum.values, UNRECOGNIZED])
    return f"""namespace {{
constexpr std::array<std::string_view, {len(enum.values) + 1}> {enum.name}_names{{
{names}
}};
}} // namespace

std::string_view to_string({enum.name} value) noexcept
{{
    return {enum.name}_names[static_cast<std::size_t>(value)];
}}

Result<{enum.name}> Codec<{enum.name}>::decode(const json::Value& value, const std::string& path,
                                               Unknown unknown)
{{
    const Result<std::size_t> index = decode_enum(value, path, {enum.name}_names, unknown);
    if (!index) {{
        return fail(index.error());
    }}
    return static_cast<{enum.name}>(*index);
}}

json::Value Codec<{enum.name}>::encode(const {enum.name}& value)
{{
    return to_string(value);
}}
"""


def _define_struct(struct):
    reads = []
    writes = []
    for member in struct.members:
        kind = "optional" if member.optional else "required"
        field = identifier(member.name)
        reads.append(f'    members.{kind}("{member.name}", out.{field});')
        writes.append(f'    append_member(out, "{member.name}", value.{field});')
    read_lines = "\n".join(reads)
    write_lines = "\n".join(writes)
    return f"""Result<{struct.name}> Codec<{struct.name}>::decode(const json::Value& value,
                                                   const std::string& path, Unknown unknown)
{{
    {struct.name} out;
    MemberReader members{{value, path, unknown}};
{read_lines}
    if (std::optional<Error> error = members.finish()) {{
        return fail(*std::move(error));
    }}
    return out;
}}

json::Value Codec<{struct.name}>::encode(const {struct.name}& value)
{{
    json::Object out;
{write_lines}
    return out;
}}
"""


def _define_alternate(alternate):
    branches = "\n".join(
        f"""    if ({IS_KIND[branch.kind]}) {{
        return decode_branch<{alternate.name}, {type_name(branch.type)}>(value, path, unknown);
    }}"""
        for branch in alternate.branches
    )
    return f"""Result<{alternate.name}> Codec<{alternate.name}>::decode(
    const json::Value& value, const std::string& path, Unknown unknown)
{{
{branches}
    return wrong_type(path, "{alternate.name}");
}}

json::Value Codec<{alternate.name}>::encode(const {alternate.name}& value)
{{
    return std::visit([](const auto& branch) {{ return qapi::encode(branch); }}, value.value);
}}
"""


DEFINE = {Enum: _define_enum, Struct: _define_struct, Alternate: _define_alternate}


def source(schema):
    parts = [
        HEADER,
        """#include "qapi/types.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace frostline::qapi {
""",
    ]
    parts += [DEFINE[type(definition)](definition) for definition in _types(schema)]
    parts.append("} // namespace frostline::qapi\n")
    return "\n".join(parts)
