# SPDX-License-Identifier: Apache-2.0
"""frostline snapshot --copy on a real QEMU: mirrors that are ended while the guest is frozen."""

import json
import os
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import finish, qemu_img, run, start  # noqa: E402
from test_snapshot import MIB, Case  # noqa: E402


class Copy(Case):
    disks = 2

    def setUp(self):
        super().setUp()
        self.guest = self.agent()
        self.running = self.qemu()
        self.place = os.path.join(self.directory, "copies")
        os.mkdir(self.place)
        self.fill(0x11, 0)

    def fill(self, pattern, mebibyte):
        for number in range(2):
            self.running.io(number, f"write -P {pattern:#x} {mebibyte}M 1M")

    def arguments(self, *more):
        return ("--socket", self.agent_path, "--qmp", os.path.join(self.directory, "qmp.sock"),
                "snapshot", "web", "--copy", self.place, "--name", "one", "--lease-dir", self.leases,
                *more)

    def content(self, number, mebibyte):
        raw = os.path.join(self.directory, "raw")
        qemu_img("convert", "-f", "qcow2", "-O", "raw",
                 os.path.join(self.place, f"web.disk{number}.one.qcow2"), raw)
        with open(raw, "rb") as file:
            file.seek(mebibyte * MIB)
            data = file.read(MIB)
        os.unlink(raw)
        self.assertEqual(data, data[:1] * MIB)
        return data[0]

    def assert_no_trace(self):
        self.assertEqual(os.listdir(self.place), [])
        self.assertEqual(self.running.monitor.execute("query-jobs"), [])
        self.assertEqual([node["node-name"] for node in
                          self.running.monitor.execute("query-named-block-nodes")
                          if node["node-name"].startswith("frostline")], [])
        self.assertFalse(self.guest.frozen)

    def test_it_has_what_was_written_until_the_freeze(self):
        """Everything is copied before that."""
        ready = []

        def frozen():
            ready.extend(job["status"] for job in self.running.monitor.execute("query-jobs"))
            self.fill(0x22, 1)
        self.guest.on_frozen = frozen
        status, out, err = run("--json", *self.arguments())
        self.assertEqual((status, err), (0, ""), out)
        self.assertEqual(ready, ["ready", "ready"])
        self.fill(0x33, 0)
        guest = json.loads(out)["guests"][0]
        self.assertEqual((guest["method"], guest["level"]), ("copy", "app"))
        for number in range(2):
            self.assertEqual([self.content(number, at) for at in range(3)], [0x11, 0x22, 0])
            self.assertEqual(self.running.nodes()[f"disk{number}"][1], self.images[number][0])
        self.assertEqual(self.running.monitor.execute("query-jobs"), [])
        self.assertEqual(sorted(os.listdir(self.place)),
                         ["one.web.frostline.json", "web.disk0.one.qcow2", "web.disk1.one.qcow2"])

    def test_a_freeze_that_fails_ends_the_mirrors(self):
        self.guest.freeze_error = "a hook failed"
        status, _, err = run(*self.arguments())
        self.assertEqual(status, 3)
        self.assertIn("a hook failed", err)
        self.assert_no_trace()

    def test_an_interrupt_while_frozen(self):
        asked = threading.Event()
        answer = self.guest._answer

        def watch(connection, line):
            if b"status" in line and self.guest.frozen and not asked.is_set():
                asked.set()
                return
            answer(connection, line)
        self.guest._answer = watch
        process = start(*self.arguments())
        self.assertTrue(asked.wait(20))
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        self.assertEqual(status, 4, out + err)
        self.assert_no_trace()

    def test_one_that_is_killed_is_recovered(self):
        asked = threading.Event()
        answer = self.guest._answer

        def watch(connection, line):
            if b"status" in line and self.guest.frozen and not asked.is_set():
                asked.set()
                return
            answer(connection, line)
        self.guest._answer = watch
        process = start(*self.arguments())
        self.assertTrue(asked.wait(20))
        process.kill()
        process.communicate(timeout=20)
        status, out, err = run("recover", "--lease-dir", self.leases)
        self.assertEqual((status, err), (0, ""), out)
        self.assert_no_trace()

    def test_a_name_that_is_taken(self):
        self.assertEqual(run(*self.arguments())[0], 0)
        status, _, err = run(*self.arguments())
        self.assertEqual(status, 4)
        self.assertIn("exists already", err)


if __name__ == "__main__":
    unittest.main()
