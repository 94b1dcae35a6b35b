# SPDX-License-Identifier: Apache-2.0
"""The demo's path with assertions, beside a control copy that was taken without a freeze."""

import unittest

from lab import fixture, snapshot, verify
from lab.run import LabError, run
from lab.scenario import Scenario, find_report, find_value

MOUNTS = {"/": "ext4", "/srv/pgdata": "xfs", "/srv/pgwal": "ext4"}


class SnapshotUnderLoad(unittest.TestCase):
    """One snapshot of a guest with a busy PostgreSQL, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        cls.scenario = Scenario(fixture.make_folder("snapshot"), fixture.programs(), print)
        cls.addClassCleanup(cls.scenario.close)
        try:
            cls._go_the_way(cls.scenario)
        except LabError as error:
            raise LabError(f"{error}\n{cls.scenario.console_tail()}") from error

    @classmethod
    def _go_the_way(cls, scenario):
        scenario.start_first()
        first = scenario.first
        first.start_writer()
        first.acks.wait_more(300, 120)
        cls.control_disks = snapshot.switch_disks(first, "control")
        first.acks.wait_more(100, 120)
        cls.tool, cls.description = scenario.take_snapshot()
        cls.report = find_report(cls.description)
        cls.overlays = {disk: snapshot.active_file(first, disk) for disk in first.disks}
        # The writers go on after the thaw, or this fails.
        first.acks.wait_more(100, 60)
        cls.acknowledged = scenario.acknowledged(cls.report)
        scenario.stop_first()
        cls.on_disk = scenario.look_at_disks()
        scenario.start_second()
        cls.inside = list(scenario.look_inside(cls.acknowledged))

    def test_exit_status_and_level_say_application_consistent(self):
        self.assertEqual(self.tool.status, 0)
        self.assertEqual(find_value(self.description, "level"), "app")
        self.assertEqual(self.report["outcome"], "consistent")
        self.assertNotIn("error", self.report)

    def test_every_file_system_was_frozen_and_thawed(self):
        frozen = {fs["mountpoint"]: fs["type"] for fs in self.report["filesystems"]
                  if fs["result"] == "frozen"}
        self.assertEqual(frozen, MOUNTS)

    def test_report_has_the_hook_of_postgresql(self):
        results = {hook["phase"]: hook["result"] for hook in self.report["hooks"]
                   if "postgresql" in hook["name"]}
        self.assertEqual(results.get("freeze"), "done", self.report["hooks"])

    def test_phases_are_in_order_and_the_window_is_short(self):
        starts = [phase["start-us"] for phase in self.report["phases"]]
        self.assertEqual(starts, sorted(starts))
        self.assertGreater(self.report["frozen-us"], 0)
        # Mostly below 100 ms; the limit leaves room for a busy machine without KVM.
        self.assertLess(self.report["frozen-us"], 5_000_000)

    def test_description_names_every_image_of_the_snapshot(self):
        text = str(self.description)
        for path in self.overlays.values():
            self.assertIn(path.name, text)

    def test_every_disk_was_switched_and_the_images_are_whole(self):
        for disk, base in self.scenario.snapshot_disks.items():
            self.assertNotEqual(self.overlays[disk], base)
            for path in (base, self.overlays[disk]):
                run("qemu-img", "check", "-q", path)

    def test_nothing_is_left_to_replay_on_any_disk(self):
        self.assert_good(self.on_disk)

    def test_control_copy_without_a_freeze_is_found_out(self):
        folder = fixture.make_folder("control")
        findings = verify.journals(verify.flatten(self.control_disks, folder))
        self.assertEqual([finding.good for finding in findings], [False] * len(MOUNTS), findings)

    def test_second_guest_has_everything_that_was_acknowledged(self):
        self.assertGreater(sum(self.acknowledged.values()), 300)
        self.assert_good(self.inside)

    def assert_good(self, findings):
        self.assertTrue(findings)
        bad = [f"{finding.what}: {finding.detail}" for finding in findings if not finding.good]
        self.assertEqual(bad, [])
