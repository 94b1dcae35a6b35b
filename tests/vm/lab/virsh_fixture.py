# SPDX-License-Identifier: Apache-2.0
"""What the tests with a real libvirt share: one libvirtd and one guest of it for all of a run."""

import atexit
import json
import time

from . import fixture
from . import image as lab_image
from .guest import make_disks
from .libvirt import Libvirt, LibvirtGuest
from .run import LabError

_shared = None


def shared_guest():
    """A guest of the lab's own libvirtd, with the agent under test, started once."""
    global _shared
    if _shared is None:
        image = lab_image.prepare(print)
        folder = fixture.make_folder("virsh")
        libvirt = Libvirt(folder)
        atexit.register(libvirt.stop)
        libvirt.start()
        payload = fixture.programs().payload(folder / "payload.cpio")
        guest = LibvirtGuest(libvirt, "web1", image, folder, make_disks(folder, image.disks),
                             payload)
        atexit.register(guest.stop)  # before its libvirtd
        try:
            guest.start()
            guest.wait_shell()
            guest.wait_agent()
        except LabError as error:
            raise LabError(f"{error}\n{guest.console_tail()}\n{libvirt.log_tail()}") from error
        _shared = guest
    return _shared


class VirshTest(fixture.GuestTest):
    """A test in the shared guest. Only libvirt talks to its agent."""

    @classmethod
    def setUpClass(cls):
        cls.guest = shared_guest()
        cls.shell = cls.guest.shell
        cls.libvirt = cls.guest.libvirt
        cls.programs = fixture.programs()

    def qga(self):
        raise AssertionError("libvirt owns this guest's agent")

    def agent(self, command, **arguments):
        """What the agent answers to a command sent through libvirt; in names _ stands for -."""
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        request = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(self.guest.check("qemu-agent-command", request))["return"]

    def assert_refused(self, pattern, verb, *arguments):
        """virsh fails, and what it says matches the pattern."""
        run = self.guest.virsh(verb, *arguments)
        self.assertNotEqual(run.status, 0, f"virsh {verb} {arguments} went well: {run.output}")
        self.assertRegex(run.errors, pattern)

    def assert_nothing_frozen(self):
        self.assert_written(self.start_writes(), fixture.BUSY)
        self.assertEqual(self.agent("guest-fsfreeze-status"), "thawed")

    def wait_connected(self, limit=60):
        """Waits until libvirt, too, knows that the agent has its port open."""
        self.guest.wait_agent(limit)
        until = time.monotonic() + limit
        while self.guest.virsh("qemu-agent-command", '{"execute":"guest-ping"}').status != 0:
            self.assertLess(time.monotonic(), until, "libvirt never finds the agent")

    @classmethod
    def _thaw_by_agent(cls):
        if not cls.guest.agent_open():
            return False
        cls.guest.virsh("domfsthaw")  # tells once that a freeze has ended too early
        run = cls.guest.virsh("qemu-agent-command", '{"execute":"guest-fsfreeze-status"}')
        return run.status == 0 and json.loads(run.output) == {"return": "thawed"}
