# SPDX-License-Identifier: Apache-2.0
"""Writes initramfs archives (cpio "newc"), so that the lab needs no cpio program."""

import os
import stat


class CpioWriter:
    """Collects files, folders and links and writes them as one archive, all owned by root."""

    def __init__(self):
        self._entries = {}

    def folder(self, path, mode=0o755):
        self._parents(path)
        self._entries.setdefault(path.strip("/"), (stat.S_IFDIR | mode, b""))

    def file(self, path, content, mode=0o644):
        self._parents(path)
        if isinstance(content, str):
            content = content.encode()
        self._entries[path.strip("/")] = (stat.S_IFREG | mode, content)

    def link(self, path, target):
        self._parents(path)
        self._entries[path.strip("/")] = (stat.S_IFLNK | 0o777, str(target).encode())

    def tree(self, source, prefix=""):
        """Adds everything below the folder `source`, under `prefix`."""
        for top, folders, files in os.walk(source):
            inside = os.path.join(prefix, os.path.relpath(top, source))
            for name in folders + files:
                path = os.path.join(top, name)
                target = os.path.normpath(os.path.join(inside, name))
                mode = os.lstat(path)
                if stat.S_ISLNK(mode.st_mode):
                    self.link(target, os.readlink(path))
                elif stat.S_ISDIR(mode.st_mode):
                    self.folder(target, stat.S_IMODE(mode.st_mode))
                elif stat.S_ISREG(mode.st_mode):
                    with open(path, "rb") as stream:
                        self.file(target, stream.read(), stat.S_IMODE(mode.st_mode))

    def write(self, path):
        with open(path, "wb") as out:
            for number, (name, (mode, content)) in enumerate(self._entries.items(), 1):
                out.write(_record(number, name, mode, content))
            out.write(_record(0, "TRAILER!!!", 0, b""))

    def _parents(self, path):
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)):
            self._entries.setdefault("/".join(parts[:depth]), (stat.S_IFDIR | 0o755, b""))


def _record(inode, name, mode, content):
    raw_name = name.encode() + b"\0"
    fields = [inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw_name), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw_name
    return _padded(head) + _padded(content)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)
