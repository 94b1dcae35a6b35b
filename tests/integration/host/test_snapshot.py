# SPDX-License-Identifier: Apache-2.0
"""frostline snapshot --overlay on a real QEMU (without a guest system), with a scripted agent."""

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_agent import FakeAgent  # noqa: E402
from lab import Monitor, Qemu, finish, qemu_img, run, start  # noqa: E402

MIB = 1024 * 1024


class Case(unittest.TestCase):
    disks = 2

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="frostline-snap.")
        self.addCleanup(shutil.rmtree, self.directory)
        self.agent_path = os.path.join(self.directory, "agent.sock")
        self.leases = os.path.join(self.directory, "leases")

    def image(self, name, form="qcow2", size=16 * MIB):
        path = os.path.join(self.directory, name)
        qemu_img("create", "-f", form, path, str(size))
        return path, form

    def qemu(self, disks=None, extra=()):
        self.images = disks or [self.image("root.qcow2"), self.image("data.img", "raw"),
                                self.image("log.qcow2")][:self.disks]
        qemu = Qemu(self.directory, self.images, extra)
        self.addCleanup(qemu.close)
        self.before = sorted(os.listdir(self.directory))
        return qemu

    def agent(self, **settings):
        agent = FakeAgent(self.agent_path, frostline=settings.pop("frostline", True))
        self.addCleanup(agent.close)
        for name, value in settings.items():
            setattr(agent, name, value)
        return agent

    def arguments(self, *more):
        return ("--socket", self.agent_path, "--qmp", os.path.join(self.directory, "qmp.sock"),
                "snapshot", "--overlay", "--name", "one", "--lease-dir", self.leases, *more)

    def snapshot(self, *more):
        return run(*self.arguments(*more))

    def overlay(self, number, name="one"):
        path = self.images[number][0]
        return "%s.%s.qcow2" % (os.path.splitext(path)[0], name)

    def description(self, name="one"):
        with open(os.path.join(self.directory, name + ".frostline.json")) as file:
            return json.load(file)

    def assert_untouched(self, qemu):
        """The guest writes where it wrote before, and nothing is left of the attempt."""
        self.assertEqual(sorted(qemu.nodes().items()),
                         [("disk%d" % n, ("base%d" % n, image[0]))
                          for n, image in enumerate(self.images)])
        names = [node["node-name"] for node in
                 qemu.monitor.execute("query-named-block-nodes")]
        self.assertEqual([name for name in names if name.startswith("frostline")], [])
        left = set(os.listdir(self.directory)) - set(self.before)
        self.assertLessEqual(left, {"leases", "agent.sock"})

    def assert_switched(self, qemu):
        for number in range(len(self.images)):
            node, path = qemu.nodes()["disk%d" % number]
            self.assertTrue(node.startswith("frostline-"), node)
            self.assertEqual(path, self.overlay(number))


class Success(Case):
    disks = 3

    def test_the_image_keeps_the_old_data_and_the_overlay_gets_the_new(self):
        agent, qemu = self.agent(), self.qemu()
        for number in range(3):
            qemu.io(number, "write -P 0x11 0 1M")
        # What the guest writes up to the freeze belongs to the snapshot.
        agent.on_frozen = lambda: [qemu.io(n, "write -P 0x22 1M 1M") for n in range(3)]
        status, out, err = self.snapshot()
        self.assertEqual((status, err), (0, ""), out)
        for text in ("level", "app", "10-db", "ext4", "frozen", "window", "yes"):
            self.assertIn(text, out)
        self.assertFalse(agent.frozen)
        self.assert_switched(qemu)
        for number in range(3):
            qemu.io(number, "write -P 0x33 0 1M")
            qemu.io(number, "read -P 0x33 0 1M")
            qemu.io(number, "read -P 0x22 1M 1M")
        qemu.monitor.execute("quit")
        for number, (path, form) in enumerate(self.images):
            overlay = self.overlay(number)
            self.assertIn("No errors", qemu_img("check", overlay))
            self.read(path, form, 0, 0x11)
            self.read(path, form, MIB, 0x22)
            self.read(overlay, "qcow2", 0, 0x33)
            self.read(overlay, "qcow2", MIB, 0x22)
            info = json.loads(qemu_img("info", "--output=json", overlay))
            self.assertEqual(info["backing-filename"], path)
            self.assertEqual(info["backing-filename-format"], form)
            self.assertEqual(info["virtual-size"], 16 * MIB)

    def read(self, path, form, offset, pattern):
        raw = os.path.join(self.directory, "raw")
        qemu_img("convert", "-f", form, "-O", "raw", path, raw)
        with open(raw, "rb") as file:
            file.seek(offset)
            self.assertEqual(file.read(MIB), bytes([pattern]) * MIB, path)

    def test_the_description_tells_what_happened(self):
        self.agent()
        self.qemu()
        status, out, err = run("--json", *self.arguments())
        self.assertEqual((status, err), (0, ""))
        shown = json.loads(out)["guests"][0]
        kept = self.description()
        self.assertEqual(kept["level"], "app")
        self.assertTrue(kept["consistent"])
        self.assertEqual(kept["exit-status"], 0)
        self.assertTrue(kept["tool"].startswith("frostline "))
        self.assertEqual([disk["overlay"] for disk in kept["disks"]],
                         [self.overlay(n) for n in range(3)])
        self.assertEqual([disk["snapshot"] for disk in kept["disks"]],
                         [image[0] for image in self.images])
        self.assertEqual(kept["report"]["outcome"], "consistent")
        self.assertEqual(shown["disks"], kept["disks"])
        self.assertEqual(shown["exit-status"], 0)

    def test_a_second_snapshot_goes_on_from_the_overlay(self):
        self.agent()
        qemu = self.qemu()
        self.assertEqual(self.snapshot()[0], 0)
        status, out, err = self.snapshot("--name", "two")
        self.assertEqual(status, 0, err)
        self.assertEqual(qemu.nodes()["disk0"][1], self.overlay(0, "two"))
        info = json.loads(qemu_img("info", "-U", "--output=json", self.overlay(0, "two")))
        self.assertEqual(info["backing-filename"], self.overlay(0))

    def test_overlay_directory_and_access(self):
        self.agent()
        qemu = self.qemu()
        os.chmod(self.images[0][0], 0o640)
        place = os.path.join(self.directory, "place")
        os.mkdir(place)
        status, _, err = self.snapshot("--overlay-dir", place)
        self.assertEqual(status, 0, err)
        self.assertEqual(sorted(os.listdir(place)),
                         ["data.one.qcow2", "log.one.qcow2", "one.frostline.json",
                          "root.one.qcow2"])
        self.assertEqual(os.stat(os.path.join(place, "root.one.qcow2")).st_mode & 0o777, 0o640)
        self.assertEqual(qemu.nodes()["disk2"][1], os.path.join(place, "log.one.qcow2"))

    def test_read_only_disks_and_empty_drives_are_left_out(self):
        self.agent()
        iso = self.image("seed.img", "raw")[0]
        qemu = self.qemu(extra=[
            "-drive", "file=%s,format=raw,if=none,id=seed,readonly=on" % iso,
            "-device", "virtio-blk-pci,drive=seed,id=diskseed",
            "-device", "virtio-scsi-pci", "-drive", "if=none,id=cd,media=cdrom",
            "-device", "scsi-cd,drive=cd,id=cdrom"])
        status, _, err = self.snapshot()
        self.assertEqual(status, 0, err)
        self.assertEqual(qemu.nodes()["diskseed"][1], iso)

    def test_drives_in_the_old_style_with_a_relative_path(self):
        self.agent()
        self.image("old.qcow2")
        here = os.getcwd()
        os.chdir(self.directory)
        try:
            qemu = self.qemu(disks=[self.image("root.qcow2")], extra=[
                "-drive", "file=old.qcow2,if=none,id=old,format=qcow2,cache=none,discard=unmap,"
                "detect-zeroes=unmap", "-device", "virtio-blk-pci,drive=old,id=diskold"])
        finally:
            os.chdir(here)
        status, _, err = self.snapshot()
        # -daemonize has left the folder, so QEMU's own can't complete the path any more.
        self.assertEqual(status, 4, err)
        self.assertIn("old.qcow2", err)
        self.assert_untouched_but(qemu, "diskold")

    def assert_untouched_but(self, qemu, *names):
        nodes = qemu.nodes()
        self.assertEqual(nodes["disk0"][0], "base0")
        self.assertFalse(os.path.exists(self.overlay(0)))
        for name in names:
            self.assertIn(name, nodes)

    def test_drives_in_the_old_style(self):
        self.agent()
        old = self.image("old.qcow2")[0]
        qemu = self.qemu(disks=[self.image("root.qcow2")], extra=[
            "-drive", "file=%s,if=none,id=old,format=qcow2,cache=none,discard=unmap,"
            "detect-zeroes=unmap" % old, "-device", "virtio-blk-pci,drive=old,id=diskold"])
        status, _, err = self.snapshot()
        if status == 4 and "O_DIRECT" in err:
            self.skipTest("no O_DIRECT here")
        self.assertEqual(status, 0, err)
        for entry in qemu.monitor.execute("query-block"):
            if entry.get("device") == "old":
                self.assertEqual(entry["inserted"]["detect_zeroes"], "unmap")
                self.assertTrue(entry["inserted"]["cache"]["direct"])
                self.assertTrue(entry["inserted"]["node-name"].startswith("frostline-"))


class Levels(Case):
    disks = 1

    def check(self, expected_status, level, *arguments, **settings):
        agent, qemu = self.agent(**settings), self.qemu()
        status, out, err = self.snapshot(*arguments)
        self.assertEqual(status, expected_status, out + err)
        self.assertEqual(self.description()["level"], level)
        self.assertFalse(agent.frozen)
        self.assert_switched(qemu)
        return out, err

    def test_lapse_at_thaw(self):
        _, err = self.check(5, "crash", thaw_error="fsfreeze is limited to 10 s")
        self.assertIn("fsfreeze is limited", err)

    def test_expired_report(self):
        self.check(5, "crash", outcome="expired")

    def test_lost_hook(self):
        self.check(5, "fs", hooks=[("10-db", "hold", "lost")])

    def test_no_hook_is_not_enough_by_default(self):
        _, err = self.check(5, "fs", hooks=[])
        self.assertIn("no hook", err)

    def test_no_hook_is_enough_when_said(self):
        self.check(0, "fs", "--require", "fs", hooks=[])

    def test_plain_agent_reaches_fs(self):
        self.check(0, "fs", "--require", "fs", frostline=False)

    def test_plain_agent_does_not_reach_app(self):
        self.check(5, "fs", frostline=False)

    def test_plain_agent_with_a_lower_count_proves_nothing(self):
        _, err = self.check(5, "crash", "--require", "fs", frostline=False, thaw_count=1)
        self.assertIn("thawed 1", err)

    def test_crash_is_enough_when_said(self):
        self.check(0, "crash", "--require", "crash", frostline=False, thaw_count=1)


class FreezeFails(Case):
    def test_error(self):
        agent, qemu = self.agent(freeze_error="hook 10-db failed: exit 1"), self.qemu()
        status, _, err = self.snapshot()
        self.assertEqual(status, 3, err)
        self.assertIn("hook 10-db failed", err)
        self.assert_untouched(qemu)
        self.assertFalse(agent.frozen)

    def test_somebody_else_has_frozen_it(self):
        agent, qemu = self.agent(), self.qemu()
        agent.frozen, agent.id = True, "theirs"
        status, _, err = self.snapshot()
        self.assertEqual(status, 3, err)
        self.assertTrue(agent.frozen, "somebody else's freeze was thawed")
        self.assert_untouched(qemu)

    def test_somebody_else_freezes_first(self):
        agent, qemu = self.agent(freeze_error="a freeze is in force"), self.qemu()

        def theirs():
            agent.frozen, agent.id = True, "theirs"
        agent.on_freeze = theirs
        status, _, err = self.snapshot()
        self.assertEqual(status, 3, err)
        self.assertTrue(agent.frozen, "somebody else's freeze was thawed")
        self.assert_untouched(qemu)

    def no_answer_in_time(self, frostline):
        agent, qemu = self.agent(frostline=frostline, freeze_unanswered=True), self.qemu()
        status, _, err = self.snapshot("--timeout", "500ms")
        self.assertEqual(status, 3, err)
        self.assertFalse(agent.frozen)
        self.assert_untouched(qemu)

    def test_no_answer_in_time(self):
        self.no_answer_in_time(frostline=True)

    def test_no_answer_in_time_from_a_plain_agent(self):
        self.no_answer_in_time(frostline=False)

    def test_nothing_to_freeze(self):
        agent, qemu = self.agent(frostline=False, count=0), self.qemu()

        def nothing():
            agent.frozen = False
        agent.on_frozen = nothing
        status, _, err = self.snapshot()
        self.assertEqual(status, 3, err)
        self.assert_untouched(qemu)


class SwitchFails(Case):
    def test_target_exists(self):
        agent, qemu = self.agent(), self.qemu()
        with open(self.overlay(1), "w") as file:
            file.write("precious")
        self.before = sorted(os.listdir(self.directory))
        status, _, err = self.snapshot()
        self.assertEqual(status, 4, err)
        self.assertIn("exists already", err)
        self.assertFalse(agent.freeze_asked.is_set())
        self.assert_untouched(qemu)
        with open(self.overlay(1)) as file:
            self.assertEqual(file.read(), "precious")

    def test_block_job_is_running(self):
        agent, qemu = self.agent(), self.qemu()
        target = self.image("target.qcow2")[0]
        self.before = sorted(os.listdir(self.directory))
        qemu.monitor.execute("blockdev-add", driver="qcow2", **{"node-name": "target"},
                             file={"driver": "file", "filename": target})
        qemu.monitor.execute("blockdev-mirror", device="base0", target="target", sync="full",
                             **{"job-id": "copy"})
        status, _, err = self.snapshot()
        self.assertEqual(status, 4, err)
        self.assertIn("block job", err)
        self.assertFalse(agent.freeze_asked.is_set())
        qemu.monitor.execute("block-job-cancel", device="copy", force=True)

    def test_node_is_busy_at_the_switch(self):
        agent, qemu = self.agent(), self.qemu()
        target = self.image("target.qcow2")[0]
        self.before = sorted(os.listdir(self.directory))
        qemu.monitor.execute("blockdev-add", driver="qcow2", **{"node-name": "target"},
                             file={"driver": "file", "filename": target})
        # Begins in the window, after every check: QEMU refuses the transaction.
        agent.on_frozen = lambda: qemu.monitor.execute(
            "blockdev-mirror", device="base1", target="target", sync="full", speed=1,
            **{"job-id": "copy"})
        status, _, err = self.snapshot()
        self.assertEqual(status, 4, err)
        self.assertIn("refused to switch", err)
        self.assertFalse(agent.frozen)
        qemu.monitor.execute("block-job-cancel", device="copy", force=True)
        self.assertEqual(qemu.nodes()["disk0"][0], "base0")
        self.assertFalse(os.path.exists(self.overlay(0)))
        self.assertFalse(os.path.exists(self.overlay(1)))

    def test_disk_that_can_not_have_an_overlay(self):
        agent = self.agent()
        qemu = self.qemu(disks=[self.image("root.qcow2")], extra=[
            "-blockdev", json.dumps({"driver": "null-co", "node-name": "nul", "size": 1048576,
                                     "read-zeroes": True}),
            "-device", "virtio-blk-pci,drive=nul,id=scratch"])
        status, _, err = self.snapshot()
        self.assertEqual(status, 4, err)
        self.assertIn("scratch", err)
        self.assertFalse(agent.freeze_asked.is_set())
        self.assertEqual(qemu.nodes()["disk0"][0], "base0")

    def test_name_of_an_earlier_snapshot(self):
        self.agent()
        qemu = self.qemu()
        self.assertEqual(self.snapshot()[0], 0)
        first = self.description()
        status, _, err = self.snapshot()
        self.assertEqual(status, 4, err)
        self.assertEqual(self.description(), first)
        self.assert_switched(qemu)

    def test_no_monitor(self):
        agent = self.agent()
        self.assertEqual(self.snapshot()[0], 2)
        self.assertFalse(agent.freeze_asked.is_set())

    def test_monitor_of_a_libvirt_domain(self):
        agent = self.agent()
        self.qemu(extra=["-chardev", "null,id=charmonitor", "-mon",
                         "chardev=charmonitor,mode=control"])
        status, _, err = self.snapshot()
        self.assertEqual(status, 1, err)
        self.assertIn("libvirt", err)
        self.assertFalse(agent.freeze_asked.is_set())

    def test_monitor_that_somebody_else_uses(self):
        agent, qemu = self.agent(), self.qemu()
        other = Monitor(qemu.qmp)
        self.addCleanup(other.close)
        status, _, err = self.snapshot("--timeout", "500ms")
        self.assertEqual(status, 2, err)
        self.assertIn("one client at a time", err)
        self.assertFalse(agent.freeze_asked.is_set())


class ThawFails(Case):
    disks = 1

    def test_agent_goes_silent_after_the_freeze(self):
        agent, qemu = self.agent(mute_after_freeze=True), self.qemu()
        status, _, err = self.snapshot("--timeout", "300ms", "--deadline", "1s")
        self.assertEqual(status, 6, err)
        self.assertIn("NOT confirmed", err)
        self.assertTrue(agent.frozen)
        self.assert_untouched(qemu)

    def test_connection_is_lost_while_frozen(self):
        agent, qemu = self.agent(drop_after_freeze=True), self.qemu()
        status, out, err = self.snapshot()
        self.assertEqual(status, 0, out + err)
        self.assertFalse(agent.frozen)
        self.assert_switched(qemu)

    def test_agent_goes_silent_and_comes_back(self):
        agent, qemu = self.agent(mute_after_freeze=True), self.qemu()
        sync = agent._answer
        rounds = []

        def answer(connection, line):
            rounds.append(line)
            if len(rounds) > 12:
                agent._mute = agent.mute_after_freeze = False
            sync(connection, line)
        agent._answer = answer
        status, out, err = self.snapshot("--timeout", "300ms", "--deadline", "30s")
        self.assertEqual(status, 4, out + err)
        self.assertFalse(agent.frozen)
        self.assert_untouched(qemu)


class Signals(Case):
    disks = 1

    def interrupted(self, number, expected, agent, qemu, event):
        process = start(*self.arguments())
        self.assertTrue(event.wait(20))
        process.send_signal(number)
        status, out, err = finish(process)
        self.assertEqual(status, expected, out + err)
        self.assertIn("SIG", err)
        self.assertFalse(agent.frozen)
        self.assert_untouched(qemu)

    def during_the_freeze(self, number):
        agent, qemu = self.agent(freeze_unanswered=True), self.qemu()
        self.interrupted(number, 3, agent, qemu, agent.frozen_event)

    def test_sigint_during_the_freeze(self):
        self.during_the_freeze(signal.SIGINT)

    def test_sigterm_during_the_freeze(self):
        self.during_the_freeze(signal.SIGTERM)

    def test_sighup_during_the_freeze(self):
        self.during_the_freeze(signal.SIGHUP)

    def while_frozen(self, number, frostline=True):
        """The freeze is answered, the question right before the switch isn't."""
        agent, qemu = self.agent(frostline=frostline), self.qemu()
        self.interrupted(number, 4, agent, qemu, self.hold_first_status(agent))

    def test_sigint_while_frozen(self):
        self.while_frozen(signal.SIGINT)

    def test_sigterm_while_frozen(self):
        self.while_frozen(signal.SIGTERM)

    def test_sigint_while_frozen_by_a_plain_agent(self):
        self.while_frozen(signal.SIGINT, frostline=False)

    def hold_first_status(self, agent):
        """Leaves the first question after the freeze unanswered."""
        asked = threading.Event()
        execute = agent._answer

        def answer(connection, line):
            if b"status" in line and agent.frozen and not asked.is_set():
                asked.set()
                return
            execute(connection, line)
        agent._answer = answer
        return asked


class Leases(Case):
    disks = 1

    def test_two_runs_do_not_meet(self):
        agent, qemu = self.agent(freeze_unanswered=True), self.qemu()
        first = start(*self.arguments())
        self.assertTrue(agent.frozen_event.wait(20))
        status, _, err = self.snapshot("--name", "two")
        self.assertEqual(status, 4, err)
        self.assertIn("process %d" % first.pid, err)
        first.send_signal(signal.SIGINT)
        self.assertEqual(finish(first)[0], 3)
        agent.freeze_unanswered = False
        self.assertEqual(self.snapshot("--name", "two")[0], 0)

    def test_lock_folder_that_can_not_be_made(self):
        self.agent()
        self.qemu()
        status, _, err = self.snapshot("--lease-dir", "/proc/nowhere/leases")
        self.assertEqual(status, 4)
        self.assertIn("--lease-dir", err)


if __name__ == "__main__":
    unittest.main()
