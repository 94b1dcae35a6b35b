# SPDX-License-Identifier: Apache-2.0
"""What the VM tests share: one guest for all tests of a run, and how to ask it things."""

import atexit
import base64
import os
import shutil
import tempfile
import time
import unittest
from pathlib import Path

from . import image as lab_image
from .guest import Guest, make_disks
from .programs import Programs
from .qga import Qga, QgaError
from .run import LabError, find_program

# One file on each of the guest's file systems.
PROBES = ("/root/probe", "/srv/pgdata/probe", "/srv/pgwal/probe")
CGROUP = "/sys/fs/cgroup/system.slice/frostline-agent.service/cgroup.procs"
BUSY = 10  # seconds that a guest without KVM, on a machine with other work, may be late

_shared = None


def programs():
    """The programs under test, from the build folder in FROSTLINE_BUILD."""
    default = Path(__file__).parents[3] / "build"
    return Programs(os.environ.get("FROSTLINE_BUILD", default))


def why_not():
    """Why no guest can run here, or None."""
    for name in ("qemu-system-x86_64", "qemu-img", "mmdebstrap", "libvirtd", "virsh"):
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


def end_shared_guest():
    """Ends the shared guest, for a test that leaves it unusable; the next test gets a new one."""
    global _shared
    if _shared is not None:
        _shared.stop()
        _shared = None


class GuestTest(unittest.TestCase):
    """A test in the shared guest, which has an agent that answers and nothing frozen."""

    agent_unit = "frostline-agent"
    _client = None

    @classmethod
    def setUpClass(cls):
        cls.guest = shared_guest()
        cls.shell = cls.guest.shell
        cls.programs = programs()

    def setUp(self):
        self.make_ready()

    def qga(self):
        """A connection to the agent, in sync, closed at the end of the test or by the next one."""
        self.hang_up()
        self._client = Qga(self.guest.agent_socket)
        self.addCleanup(self.hang_up)
        self._client.sync()
        return self._client

    def hang_up(self):
        """Closes the connection of qga(); QEMU's port has only one at a time."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def agent_pid(self):
        pid = int(self.shell.check(f"systemctl show -p MainPID --value {self.agent_unit}"))
        self.assertGreater(pid, 0, f"{self.agent_unit} is not running")
        return pid

    def put(self, path, content, mode=0o644):
        """A file in the guest, there until the end of the test."""
        self.shell.check(f"mkdir -p {os.path.dirname(path)}; echo "
                         f"{base64.b64encode(content.encode()).decode()} | base64 -d > {path};"
                         f"chmod {mode:o} {path}")
        self.addCleanup(self.shell.run, f"rm -f {path}")

    def configure(self, content):
        """Restarts the agent with these lines in its configuration, until the end of the test."""
        self.addCleanup(self._restart_agent)
        self.put("/etc/frostline/agent.conf.d/lab.conf", content)
        self._restart_agent()

    def mask_shipped_hooks(self, but=""):
        """Until the end of the test: in an emulated guest they take seconds to find that a freeze of
        other file systems is none of their business."""
        folder = "/etc/frostline/hooks.d"
        self.shell.check(f"mkdir -p {folder}; for hook in /usr/lib/frostline/hooks.d/*.hook; do"
                         f" name=${{hook##*/}}; [ $name = '{but}' ] || ln -s /dev/null"
                         f" {folder}/$name; done")
        self.addCleanup(self.shell.run, f"find {folder} -lname /dev/null -delete")

    @classmethod
    def _restart_agent(cls):
        cls.shell.check(f"systemctl restart {cls.agent_unit}", 60)
        cls.guest.wait_agent(60)

    def assert_agent_alone(self):
        """No guard, no hook and nothing that one has started runs any more."""
        self.shell.check(f"until [ \"$(cat {CGROUP})\" = {self.agent_pid()} ]; do :; done", 30)

    def start_write(self, path):
        """Starts a write that ends only when the file system isn't frozen."""
        return self.shell.start(f"echo probe > {path} && rm {path}", limit=120)

    def start_writes(self):
        """One write on each file system."""
        return [self.start_write(path) for path in PROBES]

    def assert_blocked(self, writes, limit=0.5):
        """None of these writes goes through within `limit` seconds."""
        through = [write.command for write in writes if write.done(limit)]
        self.assertEqual(through, [], "a write went through while frozen")

    def assert_written(self, writes, limit):
        """All these writes end well within `limit` seconds from now."""
        until = time.monotonic() + limit
        for write in writes:
            left = max(0.1, until - time.monotonic())
            self.assertTrue(write.done(left), f"still frozen after {limit} s: {write.command}")
            self.assertEqual(write.result(0).status, 0)

    def assert_nothing_frozen(self):
        """Every file system can be written to, and the agent agrees."""
        self.assert_written(self.start_writes(), BUSY)
        self.assertEqual(self.qga().command("guest-fsfreeze-status"), "thawed")
        self.hang_up()

    def wait_phase(self, state):
        """Waits until a freeze is that far. Asks inside the guest: a word on the port would end it."""
        answer = self.shell.run(
            f"until frostlinectl status | grep -q '^state *{state}'; do :; done", 30)
        if answer.status != 0:
            told = self.shell.run("frostlinectl status").output
            raise LabError(f"the freeze never was {state}:\n{told}")

    def wait_state(self, client, state, limit=60):
        """Asks until the agent is in that state; each answer comes at once."""
        until = time.monotonic() + limit
        while True:
            status = client.command("frostline-status")
            if status["state"] == state:
                return status
            self.assertLess(time.monotonic(), until, f"never {state}: {status}")

    @classmethod
    def make_ready(cls):
        """Whatever a failed test left: everything is thawed, and an agent answers that knows it."""
        if cls._thaw_by_agent() and cls._thaw_by_hand() == "":
            return
        cls._thaw_by_hand()
        cls._restart_agent()

    @classmethod
    def _thaw_by_agent(cls):
        """Whether the agent says that nothing is frozen, after it was asked to thaw."""
        if not cls.guest.agent_open():
            return False
        try:
            with Qga(cls.guest.agent_socket) as client:
                client.sync(20)
                try:
                    client.command("guest-fsfreeze-thaw")
                except QgaError:
                    pass  # it tells once that a freeze has ended too early
                return client.command("guest-fsfreeze-status") == "thawed"
        except LabError:
            return False

    @classmethod
    def _thaw_by_hand(cls):
        """Thaws behind the agent's back and returns what had been frozen."""
        return cls.shell.run("for path in /srv/pgdata /srv/pgwal /; do "
                             "while fsfreeze -u $path; do echo $path; done; done 2>/dev/null").output
