# SPDX-License-Identifier: Apache-2.0
"""What is laid over the guest's root file system at its first start: the programs under test."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from .cpio import CpioWriter
from .run import find_program, run


def write_payload(target, build_folder=None, files=()):
    """Writes an archive for the guest's initial RAM disk.

    `build_folder` is a meson build folder whose agent, guard, hooks and units are installed;
    `files` are (path in the guest, content, mode) besides.
    """
    archive = CpioWriter()
    if build_folder is not None:
        with tempfile.TemporaryDirectory(prefix="frostline-install-") as tree:
            _install(build_folder, Path(tree))
            archive.tree(tree, "payload")
    for path, content, mode in files:
        archive.file("payload/" + path.lstrip("/"), content, mode)
    archive.write(target)


def _install(build_folder, tree):
    run("meson", "install", "-C", build_folder, "--no-rebuild", "--destdir", tree)
    for unwanted in ("usr/include", "usr/share/man", "usr/share/doc", "usr/lib/debug"):
        shutil.rmtree(tree / unwanted, ignore_errors=True)
    _strip(tree)
    _enable_agent(tree)


def _strip(tree):
    strip = find_program("strip")
    for top, _, names in os.walk(tree):
        for name in names:
            path = Path(top) / name
            if stat.S_ISREG(path.lstat().st_mode) and path.open("rb").read(4) == b"\x7fELF":
                run(strip, path)


def _enable_agent(tree):
    """What "systemctl enable frostline-agent" does, read from the unit's own [Install]."""
    for folder in ("usr/lib/systemd/system", "lib/systemd/system"):
        unit = tree / folder / "frostline-agent.service"
        if not unit.exists():
            continue
        for line in unit.read_text().splitlines():
            key, _, value = line.partition("=")
            for name in value.split():
                if key == "Alias":
                    _link(tree / "etc/systemd/system" / name, f"/{folder}/{unit.name}")
                elif key == "WantedBy":
                    _link(tree / f"etc/systemd/system/{name}.wants" / unit.name,
                          f"/{folder}/{unit.name}")


def _link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
