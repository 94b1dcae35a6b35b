# SPDX-License-Identifier: Apache-2.0
"""protocol.md: the commands and types for people."""

from schema import Alternate, Command, Enum, Struct

INTRO = """<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Made by qapi/generator from qapi/schema; `ninja -C build protocol-md` writes it anew. -->

# The protocol

The agent reads JSON objects `{"execute": NAME, "arguments": {...}, "id": ANY}` and answers each
with one line: `{"return": VALUE}`, or `{"error": {"class": CLASS, "desc": TEXT}}`; with the
request's `id` where it had one. `arguments` and `id` may be left out. The classes are
`CommandNotFound` (unknown, blocked, or not while frozen) and `GenericError`.

A member or argument with `?` behind its name may be absent; `null` never stands for absent. `int`
is a signed, `uint64` an unsigned integer of 64 bits, `base64` a string with bytes in base64 (line
feeds in it are passed over). `[T]` is an array of `T`. Clients ignore
members that they don't know, and expect words of an enum that they don't know; the agent refuses
arguments that it doesn't know.

Marks of commands: **immediate**, answered while something else runs for long; **while frozen**,
allowed while file systems are frozen; **long**, may take long and holds later commands up.

While a long command runs, up to 256 others (or 1 MiB of them) wait for it. What comes then is
answered at once with a `GenericError` that begins with `busy:`. Immediate commands are answered
whatever waits, and a sync gives up all that came before it, with no answer.
"""

TYPES = {"int", "uint64", "number", "bool", "str", "base64"}


def _type(type_):
    name = type_.name if type_.name in TYPES else f"[{type_.name}](#{type_.name.lower()})"
    return f"array of {name}" if type_.is_array else name


def _cell(text):
    return text.replace("|", "\\|")


def _members(members, heading):
    rows = [f"| {heading} | type | |", "| --- | --- | --- |"]
    for member in members:
        mark = "?" if member.optional else ""
        rows.append(f"| `{member.name}`{mark} | {_type(member.type)} | {_cell(member.doc)} |")
    return "\n".join(rows)


def _command(command):
    marks = [
        text
        for text, on in (
            ("immediate", command.immediate),
            ("while frozen", command.allowed_while_frozen),
            ("long", command.long_running),
            ("answers only when it fails", not command.success_response),
        )
        if on
    ]
    parts = [f"### {command.name}", command.doc]
    if command.arguments:
        parts.append(_members(command.arguments, "argument"))
    returns = _type(command.returns) if command.returns else "an empty object"
    if command.returns_doc:
        returns += f": {command.returns_doc}"
    parts.append(f"Returns {returns}.")
    marked = "".join(f" · **{mark}**" for mark in marks)
    parts.append(f"Since {command.since}{marked}")
    return "\n\n".join(parts)


def _enum(enum):
    rows = ["| value | |", "| --- | --- |"]
    rows += [f"| `{value}` | {_cell(doc)} |" for value, doc in enum.values.items()]
    return "\n\n".join([f"### {enum.name}", enum.doc, "\n".join(rows), f"Since {enum.since}"])


def _struct(struct):
    table = _members(struct.members, "member")
    return "\n\n".join([f"### {struct.name}", struct.doc, table, f"Since {struct.since}"])


def _alternate(alternate):
    rows = ["| one of | |", "| --- | --- |"]
    rows += [f"| {_type(branch.type)} | {_cell(branch.doc)} |" for branch in alternate.branches]
    return "\n\n".join(
        [f"### {alternate.name}", alternate.doc, "\n".join(rows), f"Since {alternate.since}"]
    )


def markdown(schema):
    writers = {Command: _command, Enum: _enum, Struct: _struct, Alternate: _alternate}
    parts = [INTRO.rstrip("\n")]
    for section in schema.sections:
        parts += [f"## {section.title}", section.doc]
        parts += [writers[type(definition)](definition) for definition in section.definitions]
    return "\n\n".join(parts) + "\n"
