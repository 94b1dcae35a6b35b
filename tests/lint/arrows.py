#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the sources against the house plan (docs/architecture.md).

Reads every #include and fails on one that goes against an arrow, on a library used
outside its one file, and on a source file without its licence line.
"""

import os
import re
import sys

# room -> what its files may include besides their own room
MAY_KNOW = {
    "common": set(),
    "qapi": {"common"},
    "agent/system": {"common"},
    "agent/hooks": {"common", "agent/system"},
    "agent/freeze": {"common", "agent/system", "agent/hooks"},
    "agent/rpc": {"common", "qapi"},
    "agent/channel": {"common", "agent/system"},
    "agent/config": {"common"},
    "agent/commands": {
        "common", "qapi", "agent/system", "agent/hooks", "agent/freeze", "agent/rpc",
    },
    "agent": {
        "common", "qapi", "agent/system", "agent/hooks", "agent/freeze", "agent/rpc",
        "agent/channel", "agent/config", "agent/commands",
    },
    # A client of the agent, and what a freeze would do without asking it.
    "agent/ctl": {
        "common", "qapi", "agent/system", "agent/hooks", "agent/freeze", "agent/config", "host",
    },
    "guard": set(),
    "host": {"common", "qapi"},
}

# Plain data that crosses a wall on purpose: header -> rooms that may read it
EXCEPTIONS = {
    "agent/freeze/settings.hpp": {"agent/config"},
    "agent/hooks/settings.hpp": {"agent/config"},
    "guard/protocol.hpp": {"agent/freeze"},
}

# Parts of common that a room must do without.
NOT_IN = {
    "agent/system": ("common/json/", "common/wire/"),
    "agent/hooks": ("common/json/", "common/wire/"),
    "agent/freeze": ("common/json/", "common/wire/"),
    "agent/channel": ("common/json/",),
    "guard": ("common/",),
}

# library header prefix -> the files that may include it (prefix match for a folder)
ONE_HOME = {
    # Two: what comes and goes is told on the loop, what is there is looked up on a worker.
    "libudev.h": ("agent/system/device_monitor.cpp", "agent/system/udev_device_database.cpp"),
    "libmount/": ("agent/system/linux_mount_table.cpp",),
    "boost/": ("agent/system/spawn.cpp",),
    "json-glib/": ("common/json/tree.cpp",),
    "libvirt/": ("host/libvirt/",),
    "glib-unix.h": ("agent/system/glib_loop.cpp",),
    "glib.h": ("common/", "agent/system/"),
}

# A command file stands alone; these headers of the room are shared by all.
SHARED_COMMAND_HEADERS = {
    "agent/commands/commands.hpp", "agent/commands/report_json.hpp",
    "agent/commands/storage_wire.hpp",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
ROOMS = sorted(MAY_KNOW, key=len, reverse=True)
LICENCE = "SPDX-License-Identifier: Apache-2.0"
NEEDS_LICENCE = (".cpp", ".hpp", ".py", ".sh", ".build", ".hook")


def room_of(path):
    """The room of a path from the tree's root; None outside the plan."""
    for room in ROOMS:
        if path.startswith(room + "/"):
            return room
    return None


def resolve(include, root):
    """An include in quotes as a path from the root; generated qapi headers need not exist."""
    if include.startswith("qapi/"):
        return include
    for base in ("", "agent/"):
        if os.path.exists(os.path.join(root, base + include)):
            return base + include
    return None


def check_arrow(path, room, target):
    other = room_of(target)
    if other is None:
        return f"{path}: includes {target}, which is in no room"
    if room in EXCEPTIONS.get(target, ()):
        return None
    if other != room and other not in MAY_KNOW[room]:
        return f"{path}: {room} may not know {other} ({target})"
    if target.startswith(NOT_IN.get(room, ())):
        return f"{path}: {room} may not know {target}"
    if room == other == "agent/commands" and target not in SHARED_COMMAND_HEADERS:
        if os.path.splitext(path)[0] != os.path.splitext(target)[0]:
            return f"{path}: a command file may not know another one ({target})"
    return None


def check_library(path, room, include):
    for prefix, homes in ONE_HOME.items():
        if include.startswith(prefix) and not path.startswith(homes):
            return f"{path}: <{include}> is used in {', '.join(homes)} only"
    if room == "guard" and (include.endswith(".hpp") or include.startswith("glib")):
        return f"{path}: the guard knows libc only, not <{include}>"
    return None


def check_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    if LICENCE not in text[:300]:
        yield f"{path}: the first lines lack '{LICENCE}'"
    room = room_of(path)
    if room is None or not path.endswith((".cpp", ".hpp")):
        return
    for kind, include in INCLUDE.findall(text):
        if kind == "<":
            complaint = check_library(path, room, include)
        else:
            target = resolve(include, root)
            complaint = (
                check_arrow(path, room, target)
                if target
                else f'{path}: "{include}" does not name a file from the root or from agent/'
            )
        if complaint:
            yield complaint


def sources(root):
    for folder, folders, files in os.walk(root):
        folders[:] = [
            name for name in folders if not name.startswith((".", "build", "__pycache__"))
        ]
        for name in files:
            if name.endswith(NEEDS_LICENCE):
                yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1]
    complaints = [line for path in sorted(sources(root)) for line in check_file(root, path)]
    for line in complaints:
        print(line)
    if complaints:
        print(f"{len(complaints)} breaches of the house plan; docs/architecture.md has it")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
