# SPDX-License-Identifier: Apache-2.0
"""Freezing everything, the root file system too, with a busy journal; and every way out."""

import time

from lab import fixture
from lab.qga import Qga, QgaError

PROBES = ("/root/probe", "/srv/pgdata/probe", "/srv/pgwal/probe")
BUSY = 3  # seconds that a guest without KVM may be late


class RootFreeze(fixture.GuestTest):
    """The agent works and answers while the file system it lives on is frozen."""

    def setUp(self):
        super().setUp()
        self.shell.check("systemd-run -q --unit=lab-noise bash -c "
                         "'while :; do echo noise; read -t 0.01 < <(:); done'")
        self.addCleanup(self.shell.run, "systemctl stop lab-noise")

    def test_freeze_and_thaw_of_everything(self):
        client = self.qga()
        count = client.command("guest-fsfreeze-freeze")
        self.assertEqual(count, len(PROBES))
        writes = [self.start_write(path) for path in PROBES]
        began = time.monotonic()
        self.assertEqual(client.command("guest-fsfreeze-status"), "frozen")
        self.assertEqual(client.command("guest-ping"), {})
        self.assertLess(time.monotonic() - began, BUSY)
        self.assertFalse(any(write.done(0.5) for write in writes), "a write while frozen")
        self.assertEqual(client.command("guest-fsfreeze-thaw"), count)
        self.assert_written(writes, BUSY)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.shell.check("logger -t lab after-the-thaw; journalctl --sync; "
                         "journalctl -t lab | grep -q after-the-thaw", 30)

    def test_deadline_thaws_by_itself(self):
        client = self.qga()
        began = time.monotonic()
        client.command("frostline-freeze", deadline_ms=4000)
        writes = [self.start_write(path) for path in PROBES]
        self.assertFalse(writes[0].done(1), "a write while frozen")
        self.assert_written(writes, 4 + 1 + BUSY)
        self.assertGreater(time.monotonic() - began, 3)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        with self.assertRaisesRegex(QgaError, "fsfreeze is limited"):
            client.command("guest-fsfreeze-thaw")
        self.assertEqual(client.command("frostline-status")["last"]["outcome"], "expired")
        # Said once; from then on all is as before.
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 0)

    def test_killed_agent_leaves_nothing_frozen(self):
        client = self.qga()
        pid = self.agent_pid()
        client.command("frostline-freeze", deadline_ms=60000)
        writes = [self.start_write(path) for path in PROBES]
        self.assertFalse(writes[0].done(0.5), "a write while frozen")
        client.close()
        self.guest.qmp.forget_events()
        self.shell.check(f"kill -9 {pid}")
        self.assert_written(writes, 5 + BUSY)
        # The service starts again by itself and knows what happened.
        self.guest.qmp.wait_event("VSERPORT_CHANGE", 60, id="agent0", open=True)
        with Qga(self.guest.agent_socket) as again:
            again.sync()
            self.assertEqual(again.command("guest-fsfreeze-status"), "thawed")
            self.assertEqual(again.command("frostline-status")["last"]["outcome"], "recovered")

    def assert_written(self, writes, limit):
        """All these writes end well within `limit` seconds from now."""
        until = time.monotonic() + limit
        for write in writes:
            self.assertEqual(write.result(max(0.1, until - time.monotonic())).status, 0)
