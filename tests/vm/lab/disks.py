# SPDX-License-Identifier: Apache-2.0
"""Makes file systems with content in plain files, without mounting anything."""

import os
import stat
from pathlib import Path

from .run import LabError, find_program, run


def make_ext4(image, label, size, tree):
    """A sparse ext4 image of `size` (such as "2G") holding a copy of the folder `tree`."""
    _truncate(image, size)
    # No lazy initialisation: the guest's kernel would write in the background for minutes.
    run(find_program("mkfs.ext4"), "-q", "-F", "-L", label, "-d", tree,
        "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image)


def make_xfs(image, label, size, tree):
    """A sparse xfs image of `size` holding a copy of the folder `tree`."""
    _truncate(image, size)
    protofile = Path(f"{image}.proto")
    protofile.write_text(_protofile(Path(tree)))
    try:
        run(find_program("mkfs.xfs"), "-q", "-f", "-L", label, "-p", protofile, image)
    finally:
        protofile.unlink()


def _truncate(image, size):
    Path(image).unlink(missing_ok=True)
    run("truncate", "-s", size, image)


def _protofile(tree):
    # mkfs.xfs(8): boot file name and two numbers that nobody uses any more, then the tree.
    lines = ["/dev/null", "0 0", _proto_mode("d", os.lstat(tree))]
    _proto_folder(tree, lines)
    return "\n".join(lines + ["$", ""])


def _proto_folder(folder, lines):
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        if any(char.isspace() for char in entry.path):
            raise LabError(f"{entry.path}: mkfs.xfs can't take a name with a space")
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            lines.append(f"{entry.name} {_proto_mode('d', info)}")
            _proto_folder(entry.path, lines)
            lines.append("$")
        elif stat.S_ISREG(info.st_mode):
            lines.append(f"{entry.name} {_proto_mode('-', info)} {entry.path}")
        elif stat.S_ISLNK(info.st_mode):
            lines.append(f"{entry.name} {_proto_mode('l', info)} {os.readlink(entry.path)}")
        else:
            raise LabError(f"{entry.path}: neither a file, a folder nor a link")


def _proto_mode(kind, info):
    setuid = "u" if info.st_mode & stat.S_ISUID else "-"
    setgid = "g" if info.st_mode & stat.S_ISGID else "-"
    return f"{kind}{setuid}{setgid}{info.st_mode & 0o777:03o} {info.st_uid} {info.st_gid}"
