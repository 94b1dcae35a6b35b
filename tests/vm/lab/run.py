# SPDX-License-Identifier: Apache-2.0
"""Runs host programs and says clearly what went wrong when one fails."""

import os
import shutil
import subprocess
from pathlib import Path


class LabError(Exception):
    """Something the lab needs didn't work; the text says what, on what, and what to do."""


def run(*argv, limit=120, cwd=None, env=None, stdin=None):
    """Runs a program to its end and returns its standard output as text.

    `limit` is in seconds. A failure raises LabError with the last lines of what it printed.
    """
    argv = [str(arg) for arg in argv]
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit, cwd=cwd,
            env=dict(os.environ, LC_ALL="C", **(env or {})), input=stdin, check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed; run tests/install-deps as root") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv)}: not done after {limit} s") from error
    if done.returncode != 0:
        text = (done.stdout + done.stderr).decode(errors="replace")
        raise LabError(f"{' '.join(argv)}: exit status {done.returncode}\n{tail(text)}")
    return done.stdout.decode(errors="replace")


def tail(text, lines=20):
    """The last lines of a text, indented for an error message."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-lines:])


def find_program(name):
    """Path of a host program; also looks in the sbin folders, which a user's PATH may lack."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise LabError(f"{name} is not installed; run tests/install-deps as root")
    return path


def need_space(folder, gigabytes, what):
    """Raises LabError when the file system of `folder` has less free than `what` takes."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise LabError(f"{folder}: {what} takes up to {gigabytes} GB, and {free:.1f} GB are free; "
                       "make room there and run this again")


def copy_sparse(source, target):
    """Copies an image without filling its holes, sharing blocks where the file system can."""
    run("cp", "--sparse=always", "--reflink=auto", source, target)
    return Path(target)
