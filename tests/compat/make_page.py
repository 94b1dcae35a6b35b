#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/compatibility.md from rows.json; with --check only says whether it is current.

Either way it fails when a command of qapi/schema/order.txt or one of the quirks has no row, or when a
row names a test that does not exist. A test is named as Suite.Name (C++) or module.Class.test_name
(Python); a row without tests says so on the page.
"""

import argparse
import ast
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ROWS = os.path.join(HERE, "rows.json")
PAGE = os.path.join(ROOT, "docs", "compatibility.md")
PLAYED = os.path.join(HERE, "conversations.json")
ORDER = os.path.join(ROOT, "qapi", "schema", "order.txt")
QUIRKS = range(1, 51)
VERDICTS = ("same", "more", "different")
MACRO = re.compile(r"^\s*TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)


def existing_tests(folder):
    """The names of all tests below the folder, as rows write them."""
    names = set()
    for path, _, files in os.walk(folder):
        for name in files:
            stem, kind = os.path.splitext(name)
            if kind not in (".cpp", ".py"):
                continue
            with open(os.path.join(path, name), encoding="utf-8") as file:
                text = file.read()
            if kind == ".cpp":
                names.update("%s.%s" % found for found in MACRO.findall(text))
                continue
            for node in ast.parse(text).body:
                if isinstance(node, ast.ClassDef):
                    names.update("%s.%s.%s" % (stem, node.name, part.name) for part in node.body
                                 if isinstance(part, ast.FunctionDef)
                                 and part.name.startswith("test"))
    return names


def commands_of(order):
    return [word for line in order.splitlines() if not line.startswith("#")
            for word in line.split()]


def faults(families, commands, tests, conversations):
    """What is wrong with the rows, one text each."""
    found = []
    rows = [row for family in families for row in family["rows"]]
    with_row = {name for row in rows for name in row.get("commands", [])}
    found += ["no row for command %s" % name for name in commands if name not in with_row]
    found += ["a row for %s, which is no command" % name for name in sorted(with_row)
              if name not in commands]
    numbers = [row["quirk"] for row in rows if "quirk" in row]
    found += ["%d rows for quirk %d" % (numbers.count(number), number)
              for number in sorted({*QUIRKS, *numbers})
              if numbers.count(number) != 1 or number not in QUIRKS]
    for row in rows:
        if row["verdict"] not in VERDICTS:
            found.append("%s: the verdict is one of %s" % (row["item"], ", ".join(VERDICTS)))
        if row["verdict"] != "same" and not row["what"]:
            found.append("%s: say what is %s" % (row["item"], row["verdict"]))
        found += ["%s: no test is named %s" % (row["item"], name) for name in row["tests"]
                  if name not in tests]
        found += ["%s: no conversation is named %s" % (row["item"], name)
                  for name in row.get("play", []) if name not in conversations]
    return found


def cell(text):
    return text.replace("|", "\\|")


def page(document):
    families = document["families"]
    rows = [row for family in families for row in family["rows"]]
    lines = ["<!-- SPDX-License-Identifier: Apache-2.0 -->",
             "<!-- Made by tests/compat/make_page.py from tests/compat/rows.json: change those. -->",
             "# Compatibility with qemu-ga", ""]
    lines += document["introduction"] + [""]
    lines += ["%d rows: " % len(rows) + ", ".join(
        "%d %s" % (sum(row["verdict"] == verdict for row in rows), verdict)
        for verdict in VERDICTS) + "; %d without a test." % sum(not row["tests"] for row in rows), ""]
    for family in families:
        lines += ["## " + family["title"], ""]
        if family.get("text"):
            lines += [family["text"], ""]
        lines += ["| item | verdict | Frostline | tests |", "| --- | --- | --- | --- |"]
        for row in family["rows"]:
            item = "%d. %s" % (row["quirk"], row["item"]) if "quirk" in row else row["item"]
            tests = ", ".join(["`%s`" % name for name in row["tests"]]
                              + ["played: %s" % name for name in row.get("play", [])]) or "no test"
            lines.append("| %s | %s | %s | %s |" % (cell(item), row["verdict"], cell(row["what"]),
                                                    tests))
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it would")
    options = parser.parse_args()
    with open(ROWS, encoding="utf-8") as file:
        document = json.load(file)
    with open(ORDER, encoding="utf-8") as file:
        commands = commands_of(file.read())
    with open(PLAYED, encoding="utf-8") as file:
        played = json.load(file)
    conversations = {talk["name"] for talk in played["conversations"] + played["without-rights"]}
    found = faults(document["families"], commands, existing_tests(os.path.join(ROOT, "tests")),
                   conversations)
    text = page(document)
    if options.check:
        try:
            with open(PAGE, encoding="utf-8") as file:
                current = file.read()
        except FileNotFoundError:
            current = ""
        if current != text:
            found.append("docs/compatibility.md is not current: run tests/compat/make_page.py")
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        return 1
    if not options.check:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
