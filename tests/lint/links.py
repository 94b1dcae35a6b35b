#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on a link in a Markdown file that leads to no file of the tree, or to no heading."""

import os
import re
import sys

LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)
HEADING = re.compile(r"^#{1,6} +(.*?) *$", re.M)


def anchors(text):
    """The names that headings get on the usual forges."""
    without_blocks = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            for title in HEADING.findall(without_blocks)}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def complaints(root, path):
    for target in LINK.findall(CODE.sub("", read(os.path.join(root, path)))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(root, os.path.dirname(path), name)) if name \
            else os.path.join(root, path)
        if not os.path.exists(there):
            yield f"{path}: {target}: there is no {os.path.relpath(there, root)}"
        elif anchor and anchor not in anchors(read(there)):
            yield f"{path}: {target}: there is no such heading"


def pages(root):
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith((".", "build"))]
        for name in files:
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), root)


def main():
    found = [line for path in sorted(pages(sys.argv[1])) for line in complaints(sys.argv[1], path)]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
