#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the protocol code and its reference from the schema.

generate.py [--check] [--order FILE] --output KIND=FILE ... SCHEMA ...
KIND is types-header, types-source, commands-header or docs. With --check nothing is written, and
the exit status tells whether the files are what they would be.
"""

import argparse
import sys
from pathlib import Path

import cpp_commands
import cpp_types
import docs
import schema

GENERATORS = {
    "types-header": cpp_types.header,
    "types-source": cpp_types.source,
    "commands-header": cpp_commands.header,
    "docs": docs.markdown,
}


def _output(text):
    kind, separator, path = text.partition("=")
    if kind not in GENERATORS or not separator or not path:
        raise argparse.ArgumentTypeError(f"'{text}' is not KIND=FILE")
    return kind, Path(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--output", action="append", type=_output, required=True)
    parser.add_argument("--order", help="the file with the commands' order")
    parser.add_argument("schema", nargs="+")
    options = parser.parse_args()
    try:
        loaded = schema.load(options.schema, options.order)
    except schema.SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    for kind, path in options.output:
        text = GENERATORS[kind](loaded)
        if not options.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not what the schema says: run `ninja -C build protocol-md`",
                  file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
