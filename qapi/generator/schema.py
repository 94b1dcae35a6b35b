# SPDX-License-Identifier: Apache-2.0
"""Loads the schema files and checks them, so that the other modules need not."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Union

# The C++ enums' own value for a word that only a newer agent has; no word of the protocol.
UNRECOGNIZED = "unrecognized"

# Each built-in type, and what its values are in JSON.
BUILTIN_TYPES = {
    "int": "number",
    "uint64": "number",
    "number": "number",
    "bool": "boolean",
    "str": "string",
    "base64": "string",
}

MEMBER_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
TYPE_NAME = re.compile(r"([A-Z][a-z0-9]*)+")
COMMAND_NAME = re.compile(r"(guest|frostline)(-[a-z0-9]+)+")
VERSION = re.compile(r"[0-9]+(\.[0-9]+)+")


class SchemaError(Exception):
    """A schema file is wrong; the text names the file and the place in it."""


@dataclass(frozen=True)
class Type:
    """A built-in type, an enum or a struct by name; or an array of one."""

    name: str
    is_array: bool = False


@dataclass(frozen=True)
class Member:
    name: str
    type: Type
    optional: bool
    doc: str


@dataclass(frozen=True)
class Enum:
    name: str
    doc: str
    since: str
    values: Dict[str, str]


@dataclass(frozen=True)
class Struct:
    name: str
    doc: str
    since: str
    members: List[Member]


@dataclass(frozen=True)
class Branch:
    """One of the types that an alternate may have; `kind` is what JSON calls it."""

    type: Type
    kind: str
    doc: str


@dataclass(frozen=True)
class Alternate:
    """A value of one of several types, told apart by what it is in JSON."""

    name: str
    doc: str
    since: str
    branches: List[Branch]


@dataclass(frozen=True)
class Command:
    name: str
    doc: str
    since: str
    arguments: List[Member]
    returns: Optional[Type]
    returns_doc: str
    success_response: bool
    allowed_while_frozen: bool
    never_blocked_while_frozen: bool
    immediate: bool
    long_running: bool

    @property
    def cpp_name(self):
        return "".join(part.capitalize() for part in self.name.split("-"))


Definition = Union[Enum, Struct, Alternate, Command]


@dataclass
class Section:
    """One schema file."""

    title: str
    doc: str
    definitions: List[Definition] = field(default_factory=list)


@dataclass
class Schema:
    sections: List[Section]
    order: List[str] = field(default_factory=list)

    def of_kind(self, kind):
        return [d for s in self.sections for d in s.definitions if isinstance(d, kind)]

    def commands(self):
        """In the order of registration: as listed, or as defined where there is no list."""
        commands = self.of_kind(Command)
        if not self.order:
            return commands
        return sorted(commands, key=lambda command: self.order.index(command.name))


class _Place:
    """Where we are, for error messages."""

    def __init__(self, path, *parts):
        self.path = path
        self.parts = parts

    def inside(self, part):
        return _Place(self.path, *self.parts, part)

    def error(self, what):
        return SchemaError(": ".join((str(self.path), *self.parts, what)))


def _refuse_repeats(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise SchemaError(f"'{key}' is there twice in one object")
        result[key] = value
    return result


def _take(place, source, keys):
    """The values of `keys` ({name: (type, default)}; default ... means required)."""
    if not isinstance(source, dict):
        raise place.error("must be an object")
    for key in source:
        if key not in keys:
            raise place.error(f"unknown key '{key}'; known are {', '.join(keys)}")
    values = []
    for key, (kind, default) in keys.items():
        value = source.get(key, default)
        if value is ...:
            raise place.error(f"'{key}' is missing")
        if key in source and not isinstance(value, kind):
            raise place.error(f"'{key}' has the wrong type")
        if kind is str and key in source and not value.strip():
            raise place.error(f"'{key}' is empty")
        values.append(value)
    return values


def _match(place, pattern, text, what):
    if not pattern.fullmatch(text):
        raise place.error(f"'{text}' is no {what} (it has to match {pattern.pattern})")


class _Loader:
    def __init__(self):
        self.types = dict(BUILTIN_TYPES)  # name -> what it is in JSON; None: more than one thing

    def file(self, path):
        try:
            tree = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_refuse_repeats)
        except (OSError, ValueError, SchemaError) as error:
            raise SchemaError(f"{path}: {error}") from error
        place = _Place(path)
        title, doc, definitions = _take(
            place, tree, {"title": (str, ...), "doc": (str, ...), "definitions": (list, ...)}
        )
        section = Section(title, doc)
        for number, definition in enumerate(definitions, 1):
            section.definitions.append(self.definition(place, number, definition))
        return section

    def definition(self, place, number, source):
        readers = {
            "enum": self.enum,
            "struct": self.struct,
            "alternate": self.alternate,
            "command": self.command,
        }
        if isinstance(source, dict):
            for kind, reader in readers.items():
                if isinstance(source.get(kind), str):
                    return reader(place.inside(source[kind]), source)
        raise place.inside(f"definition {number}").error("is neither enum, struct, alternate nor command")

    def new_type(self, place, name, since, kind=None):
        """A command counts as a type as well: each has a C++ type of its own."""
        _match(place, TYPE_NAME, name, "type name")
        _match(place, VERSION, since, "version")
        if name in self.types:
            raise place.error("is defined twice")
        self.types[name] = kind

    def enum(self, place, source):
        name, doc, since, values = _take(
            place,
            source,
            {"enum": (str, ...), "doc": (str, ...), "since": (str, ...), "values": (dict, ...)},
        )
        if not values:
            raise place.error("has no values")
        for value, text in values.items():
            _match(place, MEMBER_NAME, value, "value name")
            if value == UNRECOGNIZED:
                raise place.inside(value).error("stands for words that are new; choose another one")
            if not isinstance(text, str) or not text:
                raise place.inside(value).error("needs a description")
        self.new_type(place, name, since, "string")
        return Enum(name, doc, since, values)

    def struct(self, place, source):
        name, doc, since, members = _take(
            place,
            source,
            {"struct": (str, ...), "doc": (str, ...), "since": (str, ...), "members": (dict, ...)},
        )
        if not members:
            raise place.error("has no members")
        result = Struct(name, doc, since, self.members(place, members))
        self.new_type(place, name, since, "object")
        return result

    def alternate(self, place, source):
        name, doc, since, branches = _take(
            place,
            source,
            {"alternate": (str, ...), "doc": (str, ...), "since": (str, ...),
             "branches": (dict, ...)},
        )
        result = []
        for key, text in branches.items():
            type_ = self.type(place.inside(key), key)
            if not isinstance(text, str) or not text:
                raise place.inside(key).error("needs a description")
            if self.types[key] is None:
                raise place.inside(key).error("is an alternate or a command")
            result.append(Branch(type_, self.types[key], text))
        if len(result) < 2:
            raise place.error("needs two branches at least")
        if len({branch.kind for branch in result}) < len(result):
            raise place.error("has two branches that look the same in JSON")
        self.new_type(place, name, since)
        return Alternate(name, doc, since, result)

    def command(self, place, source):
        keys = {
            "command": (str, ...),
            "doc": (str, ...),
            "since": (str, ...),
            "arguments": (dict, {}),
            "returns": ((str, list), None),
            "returns-doc": (str, ""),
            "success-response": (bool, True),
            "allowed-while-frozen": (bool, False),
            "never-blocked-while-frozen": (bool, False),
            "immediate": (bool, False),
            "long": (bool, False),
        }
        name, doc, since, arguments, returns, *rest = _take(place, source, keys)
        _match(place, COMMAND_NAME, name, "command name")
        type_ = None if returns is None else self.type(place.inside("returns"), returns)
        command = Command(name, doc, since, self.members(place, arguments), type_, *rest)
        self.new_type(place, command.cpp_name, since)
        if command.immediate and command.long_running:
            raise place.error("cannot be both immediate and long")
        if command.never_blocked_while_frozen and not command.allowed_while_frozen:
            raise place.error("is never blocked while frozen, but not allowed then")
        if command.arguments:
            self.new_type(place, command.cpp_name + "Arguments", since)
        return command

    def members(self, place, source):
        members = []
        for key, value in source.items():
            inside = place.inside(key)
            name = key[1:] if key.startswith("*") else key
            _match(inside, MEMBER_NAME, name, "member name")
            if any(member.name == name for member in members):
                raise inside.error("is there twice, with and without *")
            type_, doc = _take(inside, value, {"type": ((str, list), ...), "doc": (str, ...)})
            members.append(Member(name, self.type(inside, type_), key.startswith("*"), doc))
        return members

    def type(self, place, source):
        is_array = isinstance(source, list)
        if is_array and (len(source) != 1 or not isinstance(source[0], str)):
            raise place.error("an array type is written [\"name\"]")
        name = source[0] if is_array else source
        if name not in self.types:
            raise place.error(f"type '{name}' is not known here; define it before it is used")
        return Type(name, is_array)


def _read_order(path, schema):
    """The names in an order file: every command once, and nothing else."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    place = _Place(path)
    for name in names:
        if names.count(name) > 1:
            raise place.inside(name).error("is there twice")
    defined = [command.name for command in schema.of_kind(Command)]
    for name in names:
        if name not in defined:
            raise place.inside(name).error("is no command of the schema")
    for name in defined:
        if name not in names:
            raise place.inside(name).error("is missing; say where guest-info lists it")
    return names


def load(paths, order=None):
    """Reads the files in the given order; `order` names the file with the commands' own order."""
    loader = _Loader()
    schema = Schema([loader.file(Path(path)) for path in paths])
    if order is not None:
        try:
            schema.order = _read_order(order, schema)
        except (OSError, ValueError) as error:
            raise SchemaError(f"{order}: {error}") from error
    return schema
