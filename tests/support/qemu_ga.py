# SPDX-License-Identifier: Apache-2.0
"""Debian's qemu-ga, taken out of its package."""

import os

import debian_package


def unpacked(folder):
    """The path of the program. OSError or CalledProcessError where there is no such package."""
    root = debian_package.unpacked(folder, "qemu-guest-agent")
    return os.path.join(root, "usr", "sbin", "qemu-ga")
