# SPDX-License-Identifier: Apache-2.0
"""The host tool with Debian's own qemu-guest-agent in the guest."""

import json

from lab import fixture, snapshot, verify
from lab.fixture import BUSY


class PlainGuestAgent(fixture.GuestTest):
    """Works at level fs: file systems are frozen, but no hook has a say."""

    agent_unit = "lab-qga"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shell.check("systemctl stop frostline-agent")
        cls.addClassCleanup(cls._back)
        cls.shell.check("systemctl start lab-qga")
        cls.guest.wait_agent(30)

    @classmethod
    def _back(cls):
        cls._thaw_by_hand()
        cls.shell.run("systemctl stop lab-qga; systemctl reset-failed; "
                      "systemctl start frostline-agent")
        cls.guest.wait_agent(30)

    def test_ping_info_and_status(self):
        for verb in ("ping", "info", "status"):
            with self.subTest(verb):
                self.programs.frostline_ok(self.guest, verb)

    def test_freeze_and_thaw_by_hand(self):
        self.programs.frostline_ok(self.guest, "freeze")
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.programs.frostline_ok(self.guest, "thaw")
        self.assert_written(writes, BUSY)

    def test_level_fs_is_enough_when_asked_for(self):
        fixed = self.active_files()
        run = self.snapshot("plain-fs", "fs")
        self.assertEqual(run.status, 0, run.output + run.errors)
        self.assert_level_fs("plain-fs")
        copies = verify.flatten(fixed, fixture.make_folder("plain"))
        bad = [finding for finding in verify.journals(copies) if not finding.good]
        self.assertEqual(bad, [])
        self.assert_nothing_frozen()

    def test_level_app_is_not_reached_and_says_so(self):
        before = self.active_files()
        run = self.snapshot("plain-app", "app")
        self.assertEqual(run.status, 5, run.output + run.errors)
        self.assert_level_fs("plain-app")
        # Taken all the same, on every disk, and the guest goes on.
        after = self.active_files()
        self.assertTrue(all(after[disk] != before[disk] for disk in before))
        self.assert_nothing_frozen()

    def snapshot(self, name, level):
        return self.programs.frostline(self.guest, "snapshot", "--overlay", "--name", name,
                                       "--require", level)

    def active_files(self):
        return {disk: snapshot.active_file(self.guest, disk) for disk in self.guest.disks}

    def assert_level_fs(self, name):
        path = self.guest.folder / f"{name}.frostline.json"
        self.assertEqual(json.loads(path.read_text())["level"], "fs")
