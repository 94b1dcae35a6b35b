# SPDX-License-Identifier: Apache-2.0
"""Mounts that only this test and the agent under it see.

A test that changes accounts or has the guest shut down works on copies and fakes, mounted over the
real ones in a mount namespace of its own: nothing of the machine changes, and nothing is left.
"""

import os
import shutil
import subprocess
import sys

MARK = "FROSTLINE_PRIVATE_MOUNTS"


def enter():
    """Runs this program again in a mount namespace of its own; returns in there."""
    if os.environ.get(MARK) == "1":
        return
    if shutil.which("unshare") is None:
        sys.exit("these tests need unshare (util-linux)")
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                          sys.executable, *sys.argv])


def inside():
    """Whether mounts made here stay here: the namespace is another one than the parent's."""
    return (os.environ.get(MARK) == "1" and
            os.readlink("/proc/self/ns/mnt") != os.readlink("/proc/%d/ns/mnt" % os.getppid()))


class Over:
    """A folder of ours in the place of one of the machine's."""

    def __init__(self, source, target):
        if not inside():
            raise AssertionError("not in a mount namespace of our own: nothing is mounted")
        self.target = os.path.realpath(target)
        subprocess.run(["mount", "--bind", source, self.target], check=True)
        if not os.path.samefile(source, self.target):
            raise AssertionError("%s is not where it was mounted" % source)

    def remove(self):
        subprocess.run(["umount", "--lazy", self.target], check=True)
