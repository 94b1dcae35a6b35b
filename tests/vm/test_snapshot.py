# SPDX-License-Identifier: Apache-2.0
"""The demo's path with assertions, beside a control copy that was taken without a freeze."""

import unittest

from lab import fixture, snapshot, verify
from lab.programs import held_leases
from lab.qga import Qga
from lab.run import LabError, run
from lab.scenario import SNAPSHOT, Scenario

MOUNTS = {"/": "ext4", "/srv/pgdata": "xfs", "/srv/pgwal": "ext4"}
SIZES = {"root": 2 << 30, "pgdata": 2 << 30, "pgwal": 1 << 30}
PHASES = ["plan", "presync", "hooks", "freeze", "frozen", "thaw", "release", "thaw-hooks"]


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
        cls.report = cls.description["report"]
        cls.leases = held_leases(first)
        cls.overlays = {disk: snapshot.active_file(first, disk) for disk in first.disks}
        # The writers go on after the thaw, or this fails.
        first.acks.wait_more(100, 60)
        cls.left = cls._what_is_left_in(first)
        cls.acknowledged = scenario.acknowledged(cls.report)
        scenario.stop_first()
        cls.on_disk = scenario.look_at_disks()
        scenario.start_second()
        cls.inside = list(scenario.look_inside(cls.acknowledged))

    @staticmethod
    def _what_is_left_in(guest):
        """After the thaw: whether anything still blocks, and what the agent kept."""
        writes = [guest.shell.start(f"echo probe > {path} && rm {path}")
                  for path in fixture.PROBES]
        written = [write.done(fixture.BUSY) and write.result(0).status == 0 for write in writes]
        processes = guest.shell.check(
            "cat $(sed 's,$,/comm,; s,^,/proc/,' "
            "/sys/fs/cgroup/system.slice/frostline-agent.service/cgroup.procs)")
        with Qga(guest.agent_socket) as client:
            client.sync()
            status = client.command("frostline-status")
        return {"written": written, "processes": processes.split(), "state": status["state"],
                "owed": "owed-hooks" in status,
                "run state": guest.shell.run("test -e /run/frostline/freeze.state").status == 0}

    def test_exit_status_and_level_say_application_consistent(self):
        self.assertEqual(self.tool.status, 0)
        self.assertEqual(self.tool.errors, "")
        words = {key: self.description[key] for key in
                 ("name", "method", "required", "level", "consistent", "taken",
                  "thaw-confirmed", "agent", "frozen-count", "thawed-count", "exit-status")}
        self.assertEqual(words, {
            "name": SNAPSHOT, "method": "overlay", "required": "app", "level": "app",
            "consistent": True, "taken": True, "thaw-confirmed": True, "agent": "frostline",
            "frozen-count": 3, "thawed-count": 3, "exit-status": 0})
        self.assertEqual(self.report["outcome"], "consistent")

    def test_documents_have_exactly_the_members_that_are_promised(self):
        self.assertEqual(set(self.description), {
            "guest", "name", "method", "required", "level", "consistent", "taken",
            "thaw-confirmed", "agent", "frozen-us", "window-us", "frozen-count", "thawed-count",
            "disks", "report", "tool", "started", "finished", "exit-status"})
        self.assertEqual(set(self.report), {"id", "outcome", "started", "frozen-us", "phases",
                                            "hooks", "filesystems"})
        for name, members in (
                ("phases", {"name", "start-us", "duration-us"}),
                ("hooks", {"name", "stage", "phase", "result", "start-us", "duration-us"}),
                ("filesystems", {"mountpoint", "type", "device", "result", "start-us",
                                 "duration-us"})):
            for row in self.report[name]:
                # A hook may have said something.
                self.assertEqual(set(row) - {"stdout", "stderr"}, members, name)

    def test_every_file_system_was_frozen_and_thawed(self):
        self.assertEqual({fs["mountpoint"]: (fs["type"], fs["result"])
                          for fs in self.report["filesystems"]},
                         {path: (kind, "frozen") for path, kind in MOUNTS.items()})

    def test_nothing_is_left_frozen_or_held(self):
        self.assertEqual(self.left, {"written": [True] * 3, "processes": ["frostline-agent"],
                                     "state": "idle", "owed": False, "run state": False})
        self.assertEqual(self.leases, [])

    def test_report_has_the_hooks_in_their_order(self):
        calls = [(hook["name"], hook["stage"], hook["phase"], hook["result"])
                 for hook in self.report["hooks"] if hook["result"] != "skipped"]
        self.assertEqual(calls, [("05-journald", 5, "freeze", "done"),
                                 ("20-postgresql", 20, "freeze", "done"),
                                 ("20-postgresql", 20, "thaw", "done"),
                                 ("05-journald", 5, "thaw", "done")])
        # Nothing of these runs in the guest; the others are off until their settings are there.
        self.assertEqual({hook["name"] for hook in self.report["hooks"]
                          if hook["result"] == "skipped"},
                         {"20-elasticsearch", "20-etcd", "20-influxdb", "20-memcached", "20-rabbitmq",
                          "30-sqlite", "60-mariadb", "60-mongodb", "60-redis", "70-containers"})

    def test_phases_are_in_order_and_the_window_is_short(self):
        self.assertEqual([phase["name"] for phase in self.report["phases"]], PHASES)
        starts = [phase["start-us"] for phase in self.report["phases"]]
        self.assertEqual(starts, sorted(starts))
        self.assertGreater(self.report["frozen-us"], 0)
        # Mostly below 100 ms; the limit leaves room for a busy machine without KVM.
        self.assertLess(self.report["frozen-us"], 5_000_000)
        self.assertEqual(self.description["frozen-us"], self.report["frozen-us"])
        self.assertTrue(0 < self.description["window-us"] < self.report["frozen-us"])

    def test_description_names_every_image_of_the_snapshot(self):
        told = {disk["disk"]: (disk["snapshot"], disk["format"], disk["size"], disk["overlay"])
                for disk in self.description["disks"]}
        self.assertEqual(told, {
            f"disk-{disk}": (str(base), "qcow2", SIZES[disk], str(self.overlays[disk]))
            for disk, base in self.scenario.snapshot_disks.items()})

    def test_every_disk_was_switched_and_the_images_are_whole(self):
        for disk, base in self.scenario.snapshot_disks.items():
            self.assertNotEqual(self.overlays[disk], base)
            for path in (base, self.overlays[disk]):
                run("qemu-img", "check", "-q", path)

    def test_nothing_is_left_to_replay_on_any_disk(self):
        self.assert_good(self.on_disk)

    def test_control_copy_without_a_freeze_is_found_out(self):
        copies = verify.flatten(self.control_disks, fixture.make_folder("control"))
        findings = verify.journals(copies)
        self.assertEqual([finding.good for finding in findings], [False] * len(MOUNTS), findings)

    def test_second_guest_has_everything_that_was_acknowledged(self):
        self.assertGreater(sum(self.acknowledged.values()), 300)
        self.assert_good(self.inside)

    def assert_good(self, findings):
        self.assertTrue(findings)
        bad = [f"{finding.what}: {finding.detail}" for finding in findings if not finding.good]
        self.assertEqual(bad, [])
