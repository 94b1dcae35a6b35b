# SPDX-License-Identifier: Apache-2.0
"""Programs taken out of Debian's packages without installing them: a package's service would start on
the machine that the tests run on."""

import os
import subprocess
import sys


def unpacked(folder, *packages):
    """The folder that stands for / with what is in these packages, downloaded and unpacked below
    `folder`. OSError or CalledProcessError where there is no such package."""
    download = ["apt-get", "-q", "download", *packages]
    if subprocess.run(download, cwd=folder, stdout=sys.stderr, check=False).returncode != 0:
        # The lists are missing, or too old for what the server has now.
        subprocess.run(["apt-get", "-q", "update"], stdout=sys.stderr, check=True)
        subprocess.run(download, cwd=folder, stdout=sys.stderr, check=True)
    for package in os.listdir(folder):
        if package.endswith(".deb"):
            subprocess.run(["dpkg", "-x", package, "unpacked"], cwd=folder, check=True)
    return os.path.join(folder, "unpacked")
