# SPDX-License-Identifier: Apache-2.0
"""What the two C++ generators share: names, types, and the frame of a file."""

HEADER = """// SPDX-License-Identifier: Apache-2.0
// Made by qapi/generator from qapi/schema. Do not edit.
"""

# Words that C++ has taken, and names that <cstdio>, <cerrno> and compilers with their own extensions
# define as macros.
RESERVED = frozenset(
    "auto bool break case catch char class const continue default delete do double else enum "
    "explicit export extern false float for friend goto if inline int long mutable namespace new "
    "operator private protected public register return short signed sizeof static struct switch "
    "template this throw true try typedef typename union unsigned using virtual void volatile "
    "while stdin stdout stderr errno linux unix".split()
)

BUILTIN = {
    "int": "std::int64_t",
    "uint64": "std::uint64_t",
    "number": "double",
    "bool": "bool",
    "str": "std::string",
    "base64": "Bytes",
}


def identifier(name):
    """hyphenated-name -> snake_case, with an underscore behind what C++ has taken."""
    snake = name.replace("-", "_")
    return snake + "_" if snake in RESERVED else snake


def type_name(type_):
    name = BUILTIN.get(type_.name, type_.name)
    return f"std::vector<{name}>" if type_.is_array else name


def member_type(member):
    name = type_name(member.type)
    return f"std::optional<{name}>" if member.optional else name


def member_declaration(member):
    initial = ""
    if not member.optional and not member.type.is_array:
        initial = {"int": " = 0", "uint64": " = 0", "number": " = 0", "bool": " = false"}.get(
            member.type.name, "" if member.type.name in ("str", "base64") else "{}"
        )
    return f"    {member_type(member)} {identifier(member.name)}{initial}; ///< {member.doc}"


def arguments_type(command):
    return command.cpp_name + "Arguments" if command.arguments else "Empty"


def return_type(command):
    return type_name(command.returns) if command.returns else "Empty"
