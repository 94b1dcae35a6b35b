#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a shipped hook lacks what each must have: words on what consistent means and which rights it
needs, a check, an example of its settings; a line in meson.build, hooks.d/README.md and docs/hooks.md.

usage: hooks.py TREE
"""

import pathlib
import re
import sys


def complaints(tree):
    folder = tree / "hooks.d"
    programs = {path.name: path.read_text(encoding="utf-8")
                for path in (folder / "programs").iterdir() if path.suffix != ".sh"}
    build = (folder / "meson.build").read_text(encoding="utf-8")
    build, without = build.split("without_settings", 1)
    without = without.split("]", 1)[0]
    shipped = dict(re.findall(r"'([a-z-]+)': '(\d\d)'", build))
    pages = {page: (tree / page).read_text(encoding="utf-8")
             for page in ("hooks.d/README.md", "docs/hooks.md")}

    for name in sorted(programs.keys() ^ shipped.keys()):
        yield f"{name}: in meson.build or in programs, not in both"
    files = {path.stem for path in folder.glob("*.hook")}
    names = {f"{stage}-{name}" for name, stage in shipped.items()}
    for name in sorted(files ^ names):
        yield f"{name}.hook: in meson.build or in hooks.d, not in both"
    for name, text in sorted(programs.items()):
        head = text.split("\nset -u\n", 1)[0]
        for words in ('# What "consistent" means here\n', "# Rights", "# Settings: ", ):
            if words not in head and words.replace("# Settings: ", "Settings: ") not in head:
                yield f"programs/{name}: its head lacks '{words.strip('# ').strip()}'"
        if not re.search(r"^known_phases .*\bcheck\b.*\bthaw\b|^known_phases .*\bthaw\b.*\bcheck\b",
                         text, re.MULTILINE):
            yield f"programs/{name}: knows no check, or no thaw"
        example = (folder / "settings" / f"{name}.conf.example").exists()
        if example == (f"'{name}'" in without):
            yield f"{name}: settings/{name}.conf.example and without_settings disagree"
        if example != ("read_settings " in text):
            yield f"{name}: has an example of settings and reads none, or the other way round"
        for page, content in pages.items():
            if f"`{shipped.get(name)}-{name}`" not in content:
                yield f"{page}: has no row for `{shipped.get(name)}-{name}`"
    for path in sorted(folder.glob("*.hook")):
        text = path.read_text(encoding="utf-8")
        name = path.stem.split("-", 1)[1]
        if f"\nExec=/usr/lib/frostline/hooks/{name}\n" not in text:
            yield f"{path.name}: its Exec is not the program {name}"
        for key in ("Description", "Type", "FreezeTimeout", "ThawTimeout", "OnFailure"):
            if f"\n{key}=" not in text:
                yield f"{path.name}: does not say {key}"


def main():
    found = list(complaints(pathlib.Path(sys.argv[1])))
    for complaint in found:
        print(complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
