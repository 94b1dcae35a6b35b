# SPDX-License-Identifier: Apache-2.0
"""frostline verify: what a snapshot's images hold, while a guest may run on top of them."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import run  # noqa: E402
from test_snapshot import Case  # noqa: E402

PATH = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}


class Verify(Case):
    disks = 2

    def setUp(self):
        super().setUp()
        self.agent()
        root, data = self.image("root.qcow2"), self.image("data.img", "raw")
        subprocess.run(["mkfs.ext4", "-q", "-F", data[0]], check=True, env=PATH)
        self.running = self.qemu(disks=[root, data])
        self.assertEqual(self.snapshot()[0], 0)
        self.path = os.path.join(self.directory, "one.frostline.json")

    def verify(self, *more):
        return run(*more, "verify", self.path)

    def test_a_good_one_while_the_guest_runs(self):
        status, out, err = self.verify()
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("taken at level app", out)
        self.assertIn("no errors", out)
        self.assertIn("ext4: at rest", out)
        status, out, err = self.verify("--json")
        images = json.loads(out)["guests"][0]["images"]
        self.assertEqual([(image["format"], image["good"]) for image in images],
                         [("qcow2", True), ("raw", True)])
        self.assertEqual(images[1]["filesystems"],
                         [{"type": "ext4", "offset": 0, "state": "at rest", "at-rest": True}])

    def test_nothing_is_written(self):
        before = [os.stat(image[0]).st_mtime_ns for image in self.images]
        self.verify()
        self.assertEqual([os.stat(image[0]).st_mtime_ns for image in self.images], before)

    def test_a_journal_that_has_to_be_replayed(self):
        subprocess.run(["debugfs", "-w", "-R", "feature needs_recovery", self.images[1][0]], check=True,
                       env=PATH, capture_output=True)
        status, out, err = self.verify()
        self.assertEqual(status, 5)
        self.assertIn("its journal has to be replayed", out)
        self.assertIn("not at rest, or damaged: disk1", err)

    def test_an_image_that_is_damaged_or_gone(self):
        self.running.monitor.execute("quit")
        with open(self.images[0][0], "r+b") as file:
            file.seek(48)  # where its reference counts are
            file.write(b"\0" * 8)
        status, out, err = self.verify()
        self.assertEqual(status, 5)
        self.assertIn("disk0", err)
        os.unlink(self.images[0][0])
        status, out, err = self.verify()
        self.assertEqual(status, 5)
        self.assertIn("root.qcow2", out)

    def test_backups_and_their_chain(self):
        place = os.path.join(self.directory, "backups")
        os.mkdir(place)
        for name, more in (("b1", ()), ("b2", ("--incremental",))):
            status, _, err = run("--socket", self.agent_path, "--qmp",
                                 os.path.join(self.directory, "qmp.sock"), "snapshot", "web", "--backup",
                                 place, "--name", name, "--lease-dir", self.leases, *more)
            self.assertEqual(status, 0, err)
        self.path = os.path.join(place, "b2.web.frostline.json")
        status, out, err = self.verify()
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("ext4: at rest", out)
        os.unlink(os.path.join(place, "web.disk1.b1.qcow2"))
        status, out, err = self.verify()
        self.assertEqual(status, 5, out)
        self.assertIn("disk1", err)

    def test_what_is_no_description(self):
        self.path = self.images[0][0]
        status, _, err = self.verify()
        self.assertEqual(status, 1, err)
        self.assertIn("not the description of a snapshot", err)
        self.path = "/no/such/file"
        self.assertEqual(self.verify()[0], 2)


if __name__ == "__main__":
    unittest.main()
