# SPDX-License-Identifier: Apache-2.0
"""The verbs of virsh after which the guest sleeps, starts again or is gone. The last one is."""

import time

from lab import virsh_fixture
from lab.fixture import BUSY


class Power(virsh_fixture.VirshTest):
    def wait_up(self):
        self.guest.wait_shell()
        self.wait_connected(180)

    def boot_id(self):
        return self.shell.check("cat /proc/sys/kernel/random/boot_id")

    def assert_sleeps_and_wakes(self, target):
        self.guest.qmp.forget_events()
        self.guest.check("dompmsuspend", target)
        self.guest.qmp.wait_event("SUSPEND", BUSY)
        self.assertEqual(self.guest.state(), "pmsuspended")
        # libvirt itself lets nothing through to a guest that sleeps.
        self.assert_refused("not running", "domhostname", "--source", "agent")
        self.guest.check("dompmwakeup")
        self.guest.qmp.wait_event("WAKEUP", BUSY)
        # Whether it goes on or starts anew is between the firmware and a kernel that was loaded
        # without it. Either way there is an agent in the end.
        self.wait_up()
        self.assertEqual(self.guest.state(), "running")

    def test_1_suspend_to_a_disk_that_has_no_room(self):
        """There is no swap space: libvirt would wait for ever if nobody said so."""
        before = self.boot_id()
        self.assert_refused("guest-suspend-disk': suspend: systemd-hibernate has failed",
                            "dompmsuspend", "disk")
        self.assertEqual(self.boot_id(), before)
        self.assertEqual(self.agent("guest-ping"), {})

    def test_2_suspend_to_memory(self):
        self.assert_sleeps_and_wakes("mem")

    def test_2_suspend_to_both_without_a_disk(self):
        """systemd then sleeps in memory alone."""
        self.assert_sleeps_and_wakes("hybrid")

    def test_3_reboot(self):
        before = self.boot_id()
        self.guest.qmp.forget_events()
        self.guest.check("reboot", "--mode", "agent")
        self.guest.qmp.wait_event("RESET", 90)
        self.wait_up()
        self.assertNotEqual(self.boot_id(), before)

    def test_4_shutdown(self):
        self.guest.qmp.forget_events()
        self.guest.check("shutdown", "--mode", "agent")
        self.guest.qmp.wait_event("SHUTDOWN", 90, guest=True)
        until = time.monotonic() + BUSY  # libvirt hears of it a moment later
        while self.guest.name in self.libvirt.check("list", "--name").split():
            self.assertLess(time.monotonic(), until, "libvirt keeps a guest that is gone")
