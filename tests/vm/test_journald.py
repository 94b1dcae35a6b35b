# SPDX-License-Identifier: Apache-2.0
"""The journal while everything is frozen: with the hook nobody waits and nothing is lost; without
it, whoever logs waits for the thaw."""

import os

from lab import fixture
from lab.fixture import BUSY

MASK = "/etc/frostline/hooks.d/05-journald.hook"
LINES = 3000  # more than the socket's queue takes


class Journald(fixture.GuestTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shell.check("mkdir -p /var/log/journal && journalctl --flush;"
                        f"for number in $(seq {LINES}); do echo line $number; done > /run/lab-lines")

    def freeze(self):
        client = self.qga()
        report = client.command("frostline-freeze", deadline_ms=60000)
        self.assertEqual({row["result"] for row in report["filesystems"]}, {"frozen"})
        return client, {row["name"]: row["result"] for row in report["hooks"]}

    def log(self, tag):
        return self.shell.start(f"logger -t {tag} -f /run/lab-lines", 60)

    def logged(self, tag):
        return int(self.shell.check(
            f"journalctl --sync; journalctl -q -t {tag} -o cat | grep -c line", 60))

    def test_nobody_who_logs_waits_and_every_line_is_kept(self):
        client, hooks = self.freeze()
        self.assertEqual(hooks["05-journald"], "done")
        log = self.log("lab-window")
        self.assertTrue(log.done(2 * BUSY), "logging waits for the thaw")
        self.assertEqual(log.result(0).status, 0)
        client.command("frostline-thaw")
        self.assertEqual(self.logged("lab-window"), LINES)
        self.shell.check("journalctl --verify -q --file '/var/log/journal/*/system.journal'", 60)
        self.shell.check("test -n \"$(find /var/log/journal -newer /run/lab-lines -name system.journal)\"")

    def test_without_the_hook_they_wait(self):
        self.shell.check(f"mkdir -p {os.path.dirname(MASK)}; ln -sf /dev/null {MASK}")
        self.addCleanup(self.shell.run, f"rm -f {MASK}")
        client, hooks = self.freeze()
        self.assertNotIn("05-journald", hooks)
        log = self.log("lab-control")
        self.assertFalse(log.done(BUSY), "nobody waits without the hook: the test proves nothing")
        client.command("frostline-thaw")
        self.assertTrue(log.done(2 * BUSY))
        self.assertEqual(self.logged("lab-control"), LINES)
