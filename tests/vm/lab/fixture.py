# SPDX-License-Identifier: Apache-2.0
"""What the VM tests share: one guest for all tests of a run, and how to ask it things."""

import atexit
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from . import image as lab_image
from .guest import Guest, make_disks
from .programs import Programs
from .qga import Qga
from .run import LabError, find_program

_shared = None


def programs():
    """The programs under test, from the build folder in FROSTLINE_BUILD."""
    default = Path(__file__).parents[3] / "build"
    return Programs(os.environ.get("FROSTLINE_BUILD", default))


def why_not():
    """Why no guest can run here, or None."""
    for name in ("qemu-system-x86_64", "qemu-img", "mmdebstrap"):
        try:
            find_program(name)
        except LabError as error:
            return str(error)
    if os.geteuid() != 0:
        return "the VM tests need root: they make a guest's image and look into its disks"
    return None


def make_folder(name):
    """A private folder that goes away with the process (kept with FROSTLINE_LAB_KEEP=1)."""
    folder = tempfile.mkdtemp(prefix=f"frostline-{name}-", dir="/var/tmp")
    if os.environ.get("FROSTLINE_LAB_KEEP") == "1":
        print(f"keeping {folder}")
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def shared_guest():
    """A guest with the agent under test, started once for all tests of this process."""
    global _shared
    if _shared is None:
        image = lab_image.prepare(print)
        folder = make_folder("vm")
        payload = programs().payload(folder / "payload.cpio")
        guest = Guest(image, folder, make_disks(folder, image.disks), payload)
        atexit.register(guest.stop)
        guest.start()
        try:
            guest.wait_shell()
            guest.wait_agent()
        except LabError as error:
            raise LabError(f"{error}\n{guest.console_tail()}") from error
        _shared = guest
    return _shared


class GuestTest(unittest.TestCase):
    """A test in the shared guest, which has a frostline-agent that answers and nothing frozen."""

    agent_unit = "frostline-agent"

    @classmethod
    def setUpClass(cls):
        cls.guest = shared_guest()
        cls.shell = cls.guest.shell

    def setUp(self):
        self.addCleanup(self.leave_nothing_frozen)

    def qga(self):
        """A connection to the agent, in sync, closed at the end of the test."""
        client = Qga(self.guest.agent_socket)
        self.addCleanup(client.close)
        client.sync()
        return client

    def agent_pid(self):
        pid = int(self.shell.check(f"systemctl show -p MainPID --value {self.agent_unit}"))
        self.assertGreater(pid, 0, f"{self.agent_unit} is not running")
        return pid

    def start_write(self, path):
        """Starts a write that ends only when the file system isn't frozen."""
        return self.shell.start(f"echo probe > {path} && rm {path}", limit=120)

    def leave_nothing_frozen(self):
        """Whatever a failed test left, the next one begins with everything thawed."""
        self.shell.run("for path in /srv/pgdata /srv/pgwal /; do "
                       "while fsfreeze -u $path; do :; done; done 2>/dev/null")
        self.shell.run(f"systemctl start {self.agent_unit}")
        self.guest.wait_agent(30)
