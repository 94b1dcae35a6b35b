# SPDX-License-Identifier: Apache-2.0
"""Debian's qemu-ga, taken out of its package. It is never installed: its service would take the port of
the machine that the tests run on."""

import os
import subprocess
import sys


def unpacked(folder):
    """The path of the program, downloaded and unpacked below `folder`. OSError or CalledProcessError
    where there is no such package."""
    download = ["apt-get", "-q", "download", "qemu-guest-agent"]
    if subprocess.run(download, cwd=folder, stdout=sys.stderr, check=False).returncode != 0:
        # The lists are missing, or too old for what the server has now.
        subprocess.run(["apt-get", "-q", "update"], stdout=sys.stderr, check=True)
        subprocess.run(download, cwd=folder, stdout=sys.stderr, check=True)
    package = next(name for name in os.listdir(folder) if name.endswith(".deb"))
    subprocess.run(["dpkg", "-x", package, "unpacked"], cwd=folder, check=True)
    return os.path.join(folder, "unpacked", "usr", "sbin", "qemu-ga")
