# SPDX-License-Identifier: Apache-2.0
"""A host that is killed, interrupted, or gives up waiting: the guest is never left frozen."""

import itertools
import json
import os
import signal
import time

from lab import fixture
from lab.fixture import BUSY
from lab.programs import finish, held_leases
from lab.stalling_monitor import StallingMonitor

_numbers = itertools.count(1)


class InterruptedSnapshot(fixture.GuestTest):
    """The host tool is stopped between the freeze and the switch of the disks."""

    def test_killed_tool_the_deadline_thaws_and_the_next_snapshot_works(self):
        process, monitor, _ = self.start_and_stall("--deadline", "6s")
        asked = time.monotonic()
        writes = self.start_writes()
        self.assert_blocked(writes)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        monitor.close()
        self.assertLess(time.monotonic() - asked, 5, "too late to see that it is still frozen")
        self.assert_blocked(writes, 0.1)
        self.assert_written(writes, 6 + 1 + BUSY)
        # What is owed to hooks may take longer than the thaw.
        status = self.wait_state(self.qga(), "idle")
        self.assertEqual(status["last"]["outcome"], "expired")
        self.hang_up()
        self.assert_next_snapshot_works()

    def test_interrupted_tool_thaws_at_once_and_takes_nothing(self):
        process, monitor, name = self.start_and_stall()
        writes = self.start_writes()
        self.assert_blocked(writes)
        process.send_signal(signal.SIGINT)
        # Long before the guest's own deadline (60 s), and although QEMU hasn't answered yet.
        self.assert_written(writes, BUSY)
        self.assertIsNone(process.poll(), "ended before it knew what QEMU did")
        monitor.let_go(refuse=True)
        run = finish(process, 60)
        monitor.close()
        self.assertEqual(run.status, 4, run.errors)
        self.assertIn("interrupted by SIGINT", run.errors)
        self.assertIn("no snapshot was taken, and the guest is not frozen", run.errors)
        self.assertEqual(self.files_of(name), [])
        self.assertFalse([node for node in self.guest.qmp.command("query-named-block-nodes")
                          if name in node["file"]])
        self.assert_next_snapshot_works()

    def test_switch_that_comes_after_the_thaw_is_no_consistent_snapshot(self):
        process, monitor, name = self.start_and_stall()
        writes = self.start_writes()
        process.send_signal(signal.SIGTERM)
        self.assert_written(writes, BUSY)
        monitor.let_go()
        run = finish(process, 60)
        monitor.close()
        self.assertEqual(run.status, 5, run.output + run.errors)
        description = json.loads((self.guest.folder / f"{name}.frostline.json").read_text())
        self.assertEqual((description["level"], description["consistent"], description["taken"]),
                         ("crash", False, True))
        self.assert_next_snapshot_works()

    def start_and_stall(self, *options):
        """The host tool, stopped where the guest is frozen: (process, its monitor, name)."""
        name = f"leave{next(_numbers)}"
        monitor = StallingMonitor(self.guest.folder / "stalling.sock", self.guest.monitor_socket)
        self.addCleanup(monitor.close)
        process = self.programs.start_frostline(
            self.guest, "snapshot", "--overlay", "--name", name, "--require", "fs", *options,
            monitor=monitor.path)
        self.addCleanup(self.end, process)
        if not monitor.reached.wait(90):
            process.kill()
            self.fail("the switch was never asked for: " + "".join(process.communicate()))
        self.assertEqual(len(held_leases(self.guest)), 2)
        return process, monitor, name

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
            process.communicate()

    def assert_next_snapshot_works(self):
        self.assertEqual(held_leases(self.guest), [])
        self.assert_nothing_frozen()
        self.programs.frostline_ok(self.guest, "snapshot", "--overlay", "--require", "fs",
                                   "--name", f"leave{next(_numbers)}")
        self.assert_nothing_frozen()

    def files_of(self, name):
        return [path.name for path in self.guest.folder.iterdir() if f"{name}." in path.name]


class AbandonedFreeze(fixture.GuestTest):
    """A freeze that its host no longer waits for never happens later."""

    HOOK = "/etc/frostline/hooks.d/10-lab-slow"
    SAID = "/run/lab-slow.said"
    FIFOS = "/run/lab-slow.running /run/lab-slow.never"

    def setUp(self):
        super().setUp()
        # Slow: the freeze call waits for a line that nobody writes, until its limit of 10 s.
        script = ('#!/bin/bash\n'
                  f'echo "$1 $FROSTLINE_OUTCOME" >> {self.SAID}\n'
                  'if [ "$1" = freeze ]; then\n'
                  '    echo > /run/lab-slow.running\n'
                  '    read -r line < /run/lab-slow.never\n'
                  'fi\n')
        self.shell.check(f"mkdir -p -m 755 $(dirname {self.HOOK}); rm -f {self.SAID}; "
                         f"rm -f {self.FIFOS}; mkfifo {self.FIFOS}; "
                         f"printf %s '{script}' > {self.HOOK} && chmod 755 {self.HOOK}")
        self.addCleanup(self.shell.run, f"rm -f {self.HOOK}")

    def test_sync_rolls_the_freeze_back(self):
        client = self.qga()
        client.send("guest-fsfreeze-freeze")
        self.shell.check("read -r line < /run/lab-slow.running", 30)
        asked = time.monotonic()
        client.send("guest-sync", id=4711)
        # The next answer is the sync's: the freeze's never comes.
        self.assertEqual(client.answer("guest-sync", 5), 4711)
        status = self.wait_state(client, "idle")
        self.assertLess(time.monotonic() - asked, 8, "the hook's own limit ended it")
        self.assert_rolled_back(client, status)

    def test_host_that_hangs_up_is_no_reason_to_freeze_later(self):
        client = self.qga()
        client.send("guest-fsfreeze-freeze")
        self.shell.check("read -r line < /run/lab-slow.running", 30)
        client.close()
        # libvirt and KubeVirt begin like this when they come back.
        client = self.qga()
        status = self.wait_state(client, "idle")
        self.assert_rolled_back(client, status)

    def assert_rolled_back(self, client, status):
        report = status["last"]
        self.assertEqual(report["outcome"], "aborted")
        self.assertEqual(report["frozen-us"], 0)
        calls = [(hook["phase"], hook["result"]) for hook in report["hooks"]
                 if hook["name"] == "10-lab-slow"]
        self.assertEqual(calls, [("freeze", "cancelled"), ("thaw", "done")])
        self.assertEqual(self.shell.check(f"cat {self.SAID}").split(),
                         ["freeze", "thaw", "aborted"])
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.assertEqual(client.command("guest-ping"), {})
        self.assert_nothing_frozen()
