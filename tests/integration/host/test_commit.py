# SPDX-License-Identifier: Apache-2.0
"""frostline snapshot --commit: overlays are folded back while a real QEMU uses them."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import qemu_img, run  # noqa: E402
from test_snapshot import MIB, Case  # noqa: E402


class Commit(Case):
    disks = 2

    def setUp(self):
        super().setUp()
        self.agent()
        self.running = self.qemu()
        for number in range(self.disks):
            self.running.io(number, "write -P 0x11 0 2M")
        self.assertEqual(self.snapshot()[0], 0)
        for number in range(self.disks):
            self.running.io(number, "write -P 0x22 0 1M")

    def commit(self, *more, name="one"):
        return run("--socket", self.agent_path, "--qmp", os.path.join(self.directory, "qmp.sock"),
                   "snapshot", "--commit", "--name", name, "--lease-dir", self.leases, *more)

    def nodes(self):
        return [node["node-name"] for node in
                self.running.monitor.execute("query-named-block-nodes")]

    def assert_folded(self):
        self.assertEqual([self.running.nodes()["disk%d" % n][1] for n in range(self.disks)],
                         [image[0] for image in self.images[:self.disks]])
        self.assertEqual([name for name in self.nodes() if name.startswith("frostline")], [])
        left = set(os.listdir(self.directory)) - set(self.before)
        self.assertLessEqual(left, {"leases", "agent.sock"})

    def read(self, number, offset):
        path, form = self.images[number]
        raw = os.path.join(self.directory, "raw")
        qemu_img("convert", "-f", form, "-O", "raw", path, raw)
        with open(raw, "rb") as file:
            file.seek(offset)
            data = file.read(MIB)
        os.unlink(raw)
        return data

    def test_the_images_have_everything_and_the_overlays_are_gone(self):
        status, out, err = self.commit()
        self.assertEqual((status, err), (0, ""), out)
        self.assertEqual(out.count("folded back"), 2)
        self.assert_folded()
        for number in range(self.disks):
            self.running.io(number, "read -P 0x22 0 1M")
            self.running.io(number, "read -P 0x11 1M 1M")
            self.running.io(number, "write -P 0x33 1M 1M")
        self.running.monitor.execute("quit")
        for number in range(self.disks):
            self.assertEqual(self.read(number, 0), b"\x22" * MIB)
            self.assertEqual(self.read(number, MIB), b"\x33" * MIB)

    def test_the_next_snapshot_takes_the_old_names(self):
        self.assertEqual(self.commit()[0], 0)
        self.assertEqual(self.snapshot()[0], 0)
        self.assert_switched(self.running)
        self.assertEqual(self.commit()[0], 0)
        self.assert_folded()

    def test_later_snapshots_come_first(self):
        self.assertEqual(self.snapshot("--name", "two")[0], 0)
        status, _, err = self.commit()
        self.assertEqual(status, 4)
        self.assertIn("fold the later snapshot back first", err)
        self.assertEqual(self.commit(name="two")[0], 0)
        self.assert_switched(self.running)
        self.assertEqual(self.commit()[0], 0)
        self.assert_folded()

    def test_a_run_that_was_ended_half_way_is_taken_up(self):
        """One disk is folded, the other not yet."""
        self.running.monitor.execute("block-commit", **{
            "job-id": "x", "device": self.running.nodes()["disk0"][0], "base-node": "base0"})
        while self.running.monitor.execute("query-jobs")[0]["status"] != "ready":
            pass
        self.running.monitor.execute("job-complete", id="x")
        while self.running.monitor.execute("query-jobs"):
            pass
        status, out, err = self.commit()
        self.assertEqual(status, 0, err)
        self.assertIn("was folded back already", out)
        left = set(os.listdir(self.directory)) - set(self.before)
        self.assertLessEqual(left, {"leases", "agent.sock"})

    def test_a_job_that_runs_is_not_disturbed(self):
        target = os.path.join(self.directory, "mirror.qcow2")
        self.running.monitor.execute("drive-mirror", **{
            "job-id": "other", "device": self.running.nodes()["disk1"][0], "target": target,
            "sync": "full", "speed": 1, "format": "qcow2"})
        status, _, err = self.commit()
        self.assertEqual(status, 4, err)
        self.assert_switched_but_for(1)

    def assert_switched_but_for(self, busy):
        for number in range(self.disks):
            if number != busy:
                self.assertEqual(self.running.nodes()["disk%d" % number][1], self.overlay(number))

    def test_names_that_are_not_there(self):
        for name in ("nothing", "two"):
            status, _, err = self.commit(name=name)
            self.assertEqual(status, 4)
            self.assertIn("there is no %s.frostline.json" % name, err)

    def test_a_description_that_is_none(self):
        path = os.path.join(self.directory, "one.frostline.json")
        for text in ("", "{}", '{"method": "command", "disks": []}',
                     '{"method": "overlay", "disks": [{"disk": "disk0", "snapshot": "a"}]}'):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            status, _, err = self.commit()
            self.assertEqual(status, 4, text)
            self.assertIn("description", err)
        self.assert_switched(self.running)

    def test_json(self):
        status, out, err = self.commit("--json")
        self.assertEqual((status, err), (0, ""))
        guest = json.loads(out)["guests"][0]
        self.assertEqual((guest["method"], guest["name"], guest["exit-status"]), ("commit", "one", 0))
        self.assertEqual([(disk["disk"], disk["folded"]) for disk in guest["disks"]],
                         [("disk0", True), ("disk1", True)])


if __name__ == "__main__":
    unittest.main()
