# SPDX-License-Identifier: Apache-2.0
"""The agent, its guard, or both are killed in each phase of a freeze, one of whose devices stalls:
nothing stays frozen, and the hook that was asked to freeze is asked to thaw exactly once."""

import contextlib

from lab import fixture
from lab.fixture import BUSY, CGROUP
from lab.qga import QgaError
from lab.volumes import Volumes

HOOK = "/etc/frostline/hooks.d/50-lab"
CALLS = "/run/lab-hook"
CONFIG = "[freeze]\ndeadline=40s\n"


class Phases(fixture.GuestTest):
    """Each test is one phase, and goes through the three ways to die."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.volumes = Volumes(cls.shell)
        cls.addClassCleanup(cls.volumes.close)
        cls.volumes.make("slow", "quick")

    def setUp(self):
        super().setUp()
        self.configure(CONFIG)
        self.mask_shipped_hooks()
        self.put(HOOK, f"#!/bin/sh\necho $1 >> {CALLS}\n[ $1 != freeze ] || . /run/lab-freeze\n",
                 0o755)
        self.hook("")

    def hook(self, freeze):
        """What the hook does on freeze; its calls so far are forgotten."""
        self.shell.check(f"echo '{freeze}' > /run/lab-freeze; : > {CALLS}")

    def begin(self, state):
        """Asks for a freeze and waits until it is that far. The host stays: one that leaves ends it."""
        self.qga().send("guest-fsfreeze-freeze")
        self.wait_phase(state)

    def processes(self):
        agent = self.agent_pid()
        pids = [int(pid) for pid in self.shell.check(f"cat {CGROUP}").split()]
        guards = [pid for pid in pids if pid != agent and
                  self.shell.run(f"cat /proc/{pid}/comm").output.strip() == "frostline-guard"]
        self.assertEqual(len(guards), 1, "the agent has no guard")
        return agent, guards[0]

    def kill(self, who):
        agent, guard = self.processes()
        self.guest.qmp.forget_events()
        if who == "both":
            self.shell.check(f"kill -STOP {guard} && kill -9 {agent} {guard}")
        else:
            self.shell.check(f"kill -9 {agent if who == 'agent' else guard}")

    def go_through(self, state, stalled, prepare=lambda: None, arrive=None):
        """For each way to die: into the phase, the kill, the device works again, all is well."""
        for who in ("agent", "guard", "both"):
            with self.subTest(who=who):
                self.make_ready()
                self.hook(self.freeze_script)
                prepare()
                try:
                    (arrive or self.begin)(state)
                    self.kill(who)
                finally:
                    if stalled:
                        self.volumes.resume("slow")
                self.assert_well(who)

    freeze_script = ""

    def assert_well(self, who):
        if who != "guard":  # the port may still look open to the agent that was killed
            self.guest.qmp.wait_event("VSERPORT_CHANGE", 60, id="agent0", open=True)
        client = self.qga()
        with contextlib.suppress(QgaError):  # it may tell that the freeze did not hold
            client.command("guest-fsfreeze-thaw")
        paths = (*fixture.PROBES, "/mnt/slow/probe", "/mnt/quick/probe")
        self.assert_written([self.start_write(path) for path in paths], BUSY)
        self.wait_state(client, "idle")
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.hang_up()
        calls = self.shell.check(f"cat {CALLS}").split()
        self.assertEqual(calls.count("thaw"), calls.count("freeze"), f"{who}: {calls}")
        self.assert_agent_alone()
        self.shell.check("test ! -e /run/frostline/freeze.state")

    def test_syncing(self):
        def dirty():
            self.shell.check("head -c 4M /dev/urandom > /mnt/slow/data")
            self.volumes.stall("slow")

        self.go_through("syncing", True, dirty)

    def test_quiescing(self):
        def arrive(state):
            self.begin(state)
            self.shell.check(f"until grep -q freeze {CALLS}; do :; done", 30)

        self.freeze_script = "exec sleep 8"
        self.go_through("quiescing", False, arrive=arrive)

    def test_freezing(self):
        """Without writing back before, the stall is met by FIFREEZE itself."""
        self.configure(CONFIG + "presync=false\n")

        def dirty():
            self.shell.check("head -c 4M /dev/urandom > /mnt/slow/data")
            self.volumes.stall("slow")

        self.go_through("freezing", True, dirty)

    def test_frozen(self):
        self.go_through("frozen", False)

    def test_thawing(self):
        """The device stalls while frozen: FITHAW writes to it and waits."""
        def arrive(state):
            self.begin("frozen")
            self.volumes.stall("slow")
            self.qga().send("guest-fsfreeze-thaw")
            self.wait_phase(state)

        self.go_through("thawing", True, arrive=arrive)
