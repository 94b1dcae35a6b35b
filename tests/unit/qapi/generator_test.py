#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The schema checker: each mistake is refused, with the file and the place in the message."""

import copy
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv.pop(1))

import cpp_commands  # noqa: E402
import cpp_types  # noqa: E402
import docs  # noqa: E402
import schema  # noqa: E402

GOOD = {
    "title": "T",
    "doc": "D.",
    "definitions": [
        {"enum": "Colour", "doc": "E.", "since": "0.1", "values": {"dark-red": "r", "new": "n"}},
        {
            "struct": "Thing",
            "doc": "S.",
            "since": "0.1",
            "members": {
                "colour": {"type": "Colour", "doc": "c"},
                "*big-size": {"type": "uint64", "doc": "b"},
            },
        },
        {
            "command": "guest-do-it",
            "doc": "C.",
            "since": "0.1",
            "arguments": {"*things": {"type": ["Thing"], "doc": "t"}},
            "returns": ["str"],
            "long": True,
        },
    ],
}


ALTERNATE = {
    "alternate": "Shade",
    "doc": "A.",
    "since": "0.1",
    "branches": {"int": "as a number", "Colour": "as a word"},
}


def load(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return schema.load([path])


class Order(unittest.TestCase):
    def load(self, order):
        with tempfile.TemporaryDirectory() as folder:
            tree = copy.deepcopy(GOOD)
            tree["definitions"].append(
                {"command": "guest-other", "doc": "O.", "since": "0.1"})
            for name, text in (("some.json", json.dumps(tree)), ("order.txt", order)):
                (Path(folder) / name).write_text(text, encoding="utf-8")
            return schema.load([Path(folder) / "some.json"], Path(folder) / "order.txt")

    def test_the_list_decides(self):
        loaded = self.load("# a comment\nguest-other\nguest-do-it\n")
        self.assertEqual([command.name for command in loaded.commands()],
                         ["guest-other", "guest-do-it"])

    def test_a_command_that_is_not_listed(self):
        with self.assertRaisesRegex(schema.SchemaError, "order.txt: guest-other: is missing"):
            self.load("guest-do-it\n")

    def test_a_name_that_is_no_command(self):
        with self.assertRaisesRegex(schema.SchemaError, "guest-else: is no command of the schema"):
            self.load("guest-do-it\nguest-else\nguest-other\n")

    def test_a_name_that_is_there_twice(self):
        with self.assertRaisesRegex(schema.SchemaError, "guest-other: is there twice"):
            self.load("guest-other\nguest-do-it\nguest-other\n")


class BadSchema(unittest.TestCase):
    def refused(self, change, *parts):
        tree = copy.deepcopy(GOOD)
        change(tree["definitions"])
        self.text_refused(json.dumps(tree), *parts)

    def text_refused(self, text, *parts):
        with self.assertRaises(schema.SchemaError) as caught:
            load(text)
        for part in ("some.json", *parts):
            self.assertIn(part, str(caught.exception))

    def test_not_json(self):
        self.text_refused("{", "line 1")

    def test_repeated_key(self):
        self.text_refused('{"title": "a", "title": "b"}', "'title' is there twice")

    def test_missing_title(self):
        self.text_refused('{"doc": "a", "definitions": []}', "'title' is missing")

    def test_no_kind(self):
        self.refused(lambda d: d.append({"union": "X"}), "definition 4", "neither enum")

    def test_unknown_key(self):
        self.refused(lambda d: d[2].update(quick=True), "guest-do-it", "unknown key 'quick'")

    def test_missing_doc(self):
        self.refused(lambda d: d[1].pop("doc"), "Thing", "'doc' is missing")

    def test_empty_doc(self):
        self.refused(lambda d: d[1].update(doc=" "), "Thing", "'doc' is empty")

    def test_member_without_doc(self):
        self.refused(lambda d: d[1]["members"]["colour"].pop("doc"), "Thing: colour", "'doc'")

    def test_wrong_flag(self):
        self.refused(lambda d: d[2].update(long="yes"), "'long' has the wrong type")

    def test_type_before_definition(self):
        self.refused(lambda d: d.insert(0, d.pop(1)), "Thing: colour", "'Colour' is not known")

    def test_unknown_type(self):
        self.refused(lambda d: d[2].update(returns="Nothing"), "returns", "'Nothing'")

    def test_array_of_two(self):
        self.refused(lambda d: d[2].update(returns=["str", "int"]), "array type")

    def test_twice(self):
        self.refused(lambda d: d.append(d[0]), "Colour", "defined twice")
        self.refused(lambda d: d.append(d[2]), "guest-do-it", "defined twice")

    def test_a_type_named_as_a_command(self):
        self.refused(lambda d: d.insert(0, {**d[0], "enum": "GuestDoIt"}), "defined twice")

    def test_member_with_and_without_star(self):
        extra = {"type": "int", "doc": "x"}
        self.refused(lambda d: d[1]["members"].update({"big-size": extra}), "there twice")

    def test_names(self):
        self.refused(lambda d: d[0].update(enum="colour"), "no type name")
        self.refused(lambda d: d[0].update(values={"Red": "r"}), "no value name")
        self.refused(lambda d: d[2].update(command="do-it"), "no command name")
        self.refused(lambda d: d[2].update(since="soon"), "no version")

    def test_empty(self):
        self.refused(lambda d: d[0].update(values={}), "has no values")
        self.refused(lambda d: d[0].update(values={"unrecognized": "u"}), "choose another one")
        self.refused(lambda d: d[1].update(members={}), "has no members")

    def test_alternates(self):
        def refused(branches, *parts):
            self.refused(lambda d: d.append({**ALTERNATE, "branches": branches}), "Shade", *parts)

        refused({"int": "n"}, "two branches at least")
        refused({"int": "n", "number": "m"}, "two branches that look the same")
        refused({"str": "n", "Colour": "c"}, "two branches that look the same")
        refused({"int": "n", "Colour": ""}, "Colour", "needs a description")
        refused({"int": "n", "GuestDoIt": "c"}, "GuestDoIt", "is an alternate or a command")
        refused({"int": "n", "Nothing": "c"}, "'Nothing' is not known")

    def test_immediate_and_long(self):
        self.refused(lambda d: d[2].update(immediate=True), "immediate and long")


class Output(unittest.TestCase):
    def setUp(self):
        self.loaded = load(GOOD)

    def test_types(self):
        text = cpp_types.header(self.loaded)
        self.assertIn("enum class Colour {\n    dark_red, ///< r\n    new_, ///< n\n"
                      "    unrecognized, ///<", text)
        self.assertIn("Colour colour{}; ///< c", text)
        self.assertIn("std::optional<std::uint64_t> big_size; ///< b", text)
        self.assertIn("std::optional<std::vector<Thing>> things; ///< t", text)

    def test_wire_names_are_kept(self):
        text = cpp_types.source(self.loaded)
        self.assertIn('members.optional("big-size", out.big_size);', text)
        self.assertIn('members.required("colour", out.colour);', text)

    def test_commands(self):
        text = cpp_commands.header(self.loaded)
        self.assertIn("struct GuestDoIt {", text)
        self.assertIn("using Return = std::vector<std::string>;", text)
        self.assertIn("static constexpr bool long_running = true;", text)
        self.assertIn("std::array<CommandInfo, 1>", text)

    def test_alternate(self):
        tree = copy.deepcopy(GOOD)
        tree["definitions"].insert(1, ALTERNATE)
        tree["definitions"][2]["members"]["*shade"] = {"type": "Shade", "doc": "s"}
        loaded = load(tree)
        header = cpp_types.header(loaded)
        self.assertIn("struct Shade {\n    std::variant<std::int64_t, Colour> value;", header)
        self.assertIn("std::optional<Shade> shade; ///< s", header)
        source = cpp_types.source(loaded)
        self.assertIn('return wrong_type(path, "Shade");', source)
        self.assertLess(source.index("if (is_number(value)) {"),
                        source.index("if (value.as_string() != nullptr) {"))
        self.assertIn("| int | as a number |\n| [Colour](#colour) | as a word |",
                      docs.markdown(loaded))

    def test_docs(self):
        text = docs.markdown(self.loaded)
        self.assertIn("### guest-do-it", text)
        self.assertIn("| `big-size`? | uint64 | b |", text)
        self.assertIn("Returns array of str.", text)


if __name__ == "__main__":
    unittest.main()
