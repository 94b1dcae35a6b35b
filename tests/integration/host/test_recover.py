# SPDX-License-Identifier: Apache-2.0
"""frostline recover: what a run leaves that is killed, at each of its steps, with a real QEMU."""

import json
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import run, start  # noqa: E402
from test_snapshot import Case  # noqa: E402


class Recover(Case):
    disks = 2

    def setUp(self):
        super().setUp()
        self.guest = self.agent()
        self.running = self.qemu()

    def recover(self, *more):
        return run(*more, "recover", "--lease-dir", self.leases)

    def journals(self):
        if not os.path.isdir(self.leases):
            return []
        return [name for name in os.listdir(self.leases) if name.endswith(".journal")]

    def kill_at(self, event, arguments=None):
        """Ends a run by SIGKILL when this has happened."""
        process = start(*(arguments or self.arguments()))
        self.assertTrue(event.wait(20))
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(len(self.journals()), 1)

    def hold(self, word, when=lambda: True):
        """The first such command of the tool is never answered; the event says that it came."""
        came = threading.Event()
        answer = self.guest._answer

        def watch(connection, line):
            if word in line and when() and not came.is_set():
                came.set()
                return
            answer(connection, line)
        self.guest._answer = watch
        return came

    def assert_all_is_well(self):
        self.assertFalse(self.guest.frozen)
        self.assertEqual(self.journals(), [])
        self.assert_untouched(self.running)
        self.assertEqual(self.snapshot("--name", "after")[0], 0)

    def test_nothing_to_do(self):
        self.assertEqual(self.recover(), (0, "", ""))
        self.assertEqual(self.snapshot()[0], 0)
        self.assertEqual(self.journals(), [])
        self.assertEqual(self.recover(), (0, "", ""))

    def test_killed_while_it_freezes(self):
        self.guest.freeze_unanswered = True
        self.kill_at(self.guest.frozen_event)
        self.guest.freeze_unanswered = False
        status, out, err = self.recover()
        self.assertEqual((status, err), (0, ""))
        self.assertIn("thawed the guest", out)
        self.assertEqual(out.count("removed "), 3)
        self.assert_all_is_well()

    def test_killed_while_frozen(self):
        self.kill_at(self.hold(b"status", lambda: self.guest.frozen))
        self.assertTrue(self.guest.frozen)
        status, _, err = self.recover()
        self.assertEqual((status, err), (0, ""))
        self.assert_all_is_well()

    def test_killed_after_the_switch(self):
        self.kill_at(self.hold(b"thaw"))
        self.assert_switched(self.running)
        status, out, err = self.recover()
        self.assertEqual((status, err), (0, ""))
        self.assertFalse(self.guest.frozen)
        self.assertIn("the snapshot one is there, at level crash", out)
        self.assert_switched(self.running)
        kept = self.description()
        self.assertEqual((kept["level"], kept["consistent"], kept["recovered"]), ("crash", False, True))
        self.assertEqual(self.journals(), [])
        # It can be folded back like any other.
        status, _, err = run("--socket", self.agent_path, "--qmp",
                             os.path.join(self.directory, "qmp.sock"), "snapshot", "--commit",
                             "--name", "one", "--lease-dir", self.leases)
        self.assertEqual(status, 0, err)
        self.assert_all_is_well()

    def test_killed_before_the_thaw_of_a_backup(self):
        place = os.path.join(self.directory, "backups")
        os.mkdir(place)
        self.before = sorted(os.listdir(self.directory))
        self.kill_at(self.hold(b"thaw"), (
            "--socket", self.agent_path, "--qmp", os.path.join(self.directory, "qmp.sock"), "snapshot",
            "web", "--backup", place, "--name", "one", "--lease-dir", self.leases))
        self.assertEqual(len(os.listdir(place)), 3)
        self.assertTrue(self.running.monitor.execute("query-jobs"))
        status, _, err = self.recover()
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(os.listdir(place), [])
        self.assertEqual(self.running.monitor.execute("query-jobs"), [])
        self.assertEqual([node for node in self.running.monitor.execute("query-named-block-nodes")
                          if node.get("dirty-bitmaps")], [])
        self.assert_all_is_well()

    def test_killed_while_a_command_runs(self):
        mark = os.path.join(self.directory, "mark")
        running = threading.Event()

        def watch():
            while not os.path.exists(mark):
                time.sleep(0.02)
            running.set()
        threading.Thread(target=watch, daemon=True).start()
        self.kill_at(running, ("--socket", self.agent_path, "snapshot", "web", "--lease-dir",
                               self.leases, "--", "sh", "-c", f"echo $$ >{mark}; exec sleep 60"))
        with open(mark, encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        os.unlink(mark)
        status, out, err = self.recover()
        self.assertEqual((status, out, err), (0, "web: thawed the guest\n", ""))
        self.assert_all_is_well()

    def test_a_new_run_finishes_it_first(self):
        self.kill_at(self.hold(b"status", lambda: self.guest.frozen))
        self.assertTrue(self.guest.frozen)
        status, out, err = self.snapshot("--name", "two")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("an earlier run on this guest had died:", out)
        self.assertIn("thawed the guest", out)
        self.assertEqual(self.journals(), [])
        left = set(os.listdir(self.directory)) - set(self.before)
        self.assertEqual([name for name in left if ".one." in name or name.startswith("one.")], [])
        self.assertEqual(self.running.nodes()["disk0"][1], self.overlay(0, "two"))

    def test_a_new_run_does_not_begin_when_that_is_not_possible(self):
        self.kill_at(self.hold(b"status", lambda: self.guest.frozen))
        path = os.path.join(self.leases, self.journals()[0])
        with open(path, "w", encoding="ascii") as file:
            file.write("{}")
        self.guest.frozen = False
        status, _, err = self.snapshot("--name", "two")
        self.assertEqual(status, 4)
        self.assertIn("the journal names no guest", err)
        self.assertFalse(self.guest.frozen)

    def test_somebody_elses_freeze_stays(self):
        self.kill_at(self.hold(b"status", lambda: self.guest.frozen))
        self.guest.id = "somebody-else"
        status, _, err = self.recover()
        self.assertEqual((status, err), (0, ""))
        self.assertTrue(self.guest.frozen)
        self.guest.frozen = False
        self.assert_all_is_well()

    def test_a_run_that_still_lives_is_left_alone(self):
        came = self.hold(b"status", lambda: self.guest.frozen)
        process = start(*self.arguments())
        self.assertTrue(came.wait(20))
        status, _, err = self.recover()
        self.assertEqual(status, 4)
        self.assertIn(f"process {process.pid}", err)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assert_all_is_well()

    def test_a_guest_that_is_gone_stays_on_record(self):
        self.kill_at(self.hold(b"status", lambda: self.guest.frozen))
        self.guest.close()
        status, _, err = self.recover("--json")
        self.assertEqual(status, 6)
        self.assertEqual(len(self.journals()), 1)
        self.guest = self.agent()
        status, out, err = self.recover("--json")
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)["guests"][0]["exit-status"], 0)
        self.assertEqual(self.journals(), [])

    def test_a_journal_that_others_can_have_written(self):
        """It would say what is removed."""
        self.kill_at(self.hold(b"status", lambda: self.guest.frozen))
        path = os.path.join(self.leases, self.journals()[0])
        os.chmod(path, 0o666)
        status, _, err = self.recover()
        self.assertEqual(status, 4)
        self.assertIn("others can have written it", err)
        self.assertTrue(os.path.exists(self.overlay(0)))
        self.assertEqual(self.snapshot("--name", "two")[0], 4)
        os.chmod(path, 0o644)
        self.assertEqual(self.recover()[0], 0)
        self.assert_all_is_well()

    def test_a_journal_that_is_none(self):
        os.mkdir(self.leases, 0o755)
        with open(os.path.join(self.leases, "x.journal"), "w", encoding="ascii") as file:
            file.write("{}")
        status, _, err = self.recover()
        self.assertEqual(status, 4)
        self.assertIn("x.journal: the journal names no guest", err)


if __name__ == "__main__":
    unittest.main()
