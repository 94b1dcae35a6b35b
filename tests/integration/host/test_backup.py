# SPDX-License-Identifier: Apache-2.0
"""frostline snapshot --backup on a real QEMU: whole and incremental, while the guest goes on."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import qemu_img, run  # noqa: E402
from test_snapshot import MIB, Case  # noqa: E402


class Backup(Case):
    disks = 2

    def setUp(self):
        super().setUp()
        self.guest = self.agent()
        self.running = self.qemu()
        self.place = os.path.join(self.directory, "backups")
        os.mkdir(self.place)
        self.fill(0x11, 0)

    def fill(self, pattern, mebibyte, disks=(0, 1)):
        for number in disks:
            self.running.io(number, f"write -P {pattern:#x} {mebibyte}M 1M")

    def arguments(self, *more, name="one"):
        return ("--socket", self.agent_path, "--qmp", os.path.join(self.directory, "qmp.sock"),
                "snapshot", "web", "--backup", self.place, "--name", name, "--lease-dir", self.leases,
                *more)

    def backup(self, *more, name="one"):
        return run(*self.arguments(*more, name=name))

    def content(self, number, name, mebibyte):
        raw = os.path.join(self.directory, "raw")
        qemu_img("convert", "-f", "qcow2", "-O", "raw",
                 os.path.join(self.place, f"web.disk{number}.{name}.qcow2"), raw)
        with open(raw, "rb") as file:
            file.seek(mebibyte * MIB)
            data = file.read(MIB)
        os.unlink(raw)
        self.assertEqual(data, data[:1] * MIB)
        return data[0]

    def bitmaps(self):
        return {node["node-name"]: sorted(bitmap["name"] for bitmap in node.get("dirty-bitmaps", []))
                for node in self.running.monitor.execute("query-named-block-nodes")
                if node.get("dirty-bitmaps")}

    def assert_no_trace(self):
        """Of a backup that failed."""
        self.assertEqual(os.listdir(self.place), [])
        self.assertEqual(self.bitmaps(), {})
        self.assertEqual(self.running.monitor.execute("query-jobs"), [])
        self.assertEqual([node["node-name"] for node in
                          self.running.monitor.execute("query-named-block-nodes")
                          if node["node-name"].startswith("frostline")], [])
        self.assertFalse(self.guest.frozen)

    def test_a_whole_one_is_of_the_moment_of_the_freeze(self):
        self.guest.on_frozen = lambda: self.fill(0x22, 1)
        status, out, err = self.backup("--json")
        self.assertEqual((status, err), (0, ""), out)
        self.fill(0x33, 0)
        guest = json.loads(out)["guests"][0]
        self.assertEqual((guest["method"], guest["level"], guest["incremental"]), ("backup", "app", False))
        for number in range(2):
            self.assertEqual(self.content(number, "one", 0), 0x11)
            self.assertEqual(self.content(number, "one", 1), 0x22)
            self.assertEqual(self.content(number, "one", 2), 0)
            self.assertIn("No errors", qemu_img("check", guest["disks"][number]["backup"]))
        with open(os.path.join(self.place, "one.web.frostline.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["exit-status"], 0)
        self.assertEqual(self.running.monitor.execute("query-jobs"), [])
        self.assertEqual(self.bitmaps(), {f"base{n}": ["frostline-one"] for n in range(2)})

    def test_writes_while_it_copies_are_not_in_it(self):
        """The guest is thawed as soon as the copy has begun."""
        self.fill(0x11, 0)
        done = []

        def thawed():
            done.append(self.running.monitor.execute("query-jobs"))
            self.fill(0x44, 0)
        answer = self.guest._answer

        def watch(connection, line):
            answer(connection, line)
            if b"thaw" in line and not done:
                thawed()
        self.guest._answer = watch
        self.assertEqual(self.backup()[0], 0)
        self.assertEqual(self.content(0, "one", 0), 0x11)
        self.assertEqual(len(done[0]), 2)

    def test_incremental_ones_go_on_from_the_latest(self):
        self.assertEqual(self.backup()[0], 0)
        self.fill(0x22, 3)
        status, out, err = self.backup("--incremental", name="two")
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("web.disk0.one.qcow2", out)
        self.fill(0x33, 4, disks=(0,))
        self.assertEqual(self.backup("--incremental", name="three")[0], 0)
        self.fill(0x55, 0)
        for number, fourth in ((0, 0x33), (1, 0)):
            self.assertEqual([self.content(number, "three", at) for at in (0, 3, 4)],
                             [0x11, 0x22, fourth])
            self.assertEqual([self.content(number, "two", at) for at in (0, 3, 4)], [0x11, 0x22, 0])
            self.assertEqual([self.content(number, "one", at) for at in (0, 3, 4)], [0x11, 0, 0])
        sizes = [os.stat(os.path.join(self.place, f"web.disk1.{name}.qcow2")).st_blocks
                 for name in ("one", "two", "three")]
        self.assertLess(sizes[2], sizes[1])
        self.assertEqual(self.bitmaps(), {f"base{n}": ["frostline-three"] for n in range(2)})
        info = json.loads(qemu_img("info", "--output=json",
                                   os.path.join(self.place, "web.disk0.three.qcow2")))
        self.assertEqual(info["backing-filename"], os.path.join(self.place, "web.disk0.two.qcow2"))

    def test_nothing_to_go_on_from(self):
        status, _, err = self.backup("--incremental")
        self.assertEqual(status, 4)
        self.assertIn("make a whole one first", err)
        self.assert_no_trace()
        self.assertFalse(self.guest.freeze_asked.is_set())

    def test_a_guest_that_has_forgotten(self):
        self.assertEqual(self.backup()[0], 0)
        self.running.monitor.execute("block-dirty-bitmap-remove", node="base1", name="frostline-one")
        before = sorted(os.listdir(self.place))
        status, _, err = self.backup("--incremental", name="two")
        self.assertEqual(status, 4)
        self.assertIn("disk disk1 does not remember what has changed", err)
        self.assertEqual(sorted(os.listdir(self.place)), before)

    def test_an_image_that_is_gone(self):
        self.assertEqual(self.backup()[0], 0)
        os.unlink(os.path.join(self.place, "web.disk1.one.qcow2"))
        status, _, err = self.backup("--incremental", name="two")
        self.assertEqual(status, 4)
        self.assertIn("has no image of disk disk1 any more", err)

    def test_a_name_that_is_taken(self):
        self.assertEqual(self.backup()[0], 0)
        status, _, err = self.backup()
        self.assertEqual(status, 4)
        self.assertIn("exists already", err)
        self.assertEqual(self.content(0, "one", 0), 0x11)

    def test_a_copy_that_fails_leaves_nothing(self):
        """The bitmap has the name already, so that QEMU refuses the transaction."""
        self.running.monitor.execute("block-dirty-bitmap-add", node="base1", name="frostline-one")
        status, _, err = self.backup()
        self.assertEqual(status, 4)
        self.assertIn("QEMU refused to start the backup", err)
        self.running.monitor.execute("block-dirty-bitmap-remove", node="base1", name="frostline-one")
        self.assert_no_trace()


if __name__ == "__main__":
    unittest.main()
