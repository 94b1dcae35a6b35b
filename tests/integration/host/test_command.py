# SPDX-License-Identifier: Apache-2.0
"""frostline snapshot -- COMMAND: any storage's own snapshot, with a scripted agent."""

import json
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import finish, run, start  # noqa: E402
from test_snapshot import Case  # noqa: E402


class Command(Case):
    disks = 2

    def path(self, name):
        return os.path.join(self.directory, name)

    def script(self, text):
        path = self.path("take")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    def arguments(self, *more, qmp=False, options=()):
        monitor = ("--qmp", self.path("qmp.sock")) if qmp else ()
        return ("--socket", self.agent_path, *monitor, *options, "snapshot", "web 1", "--name", "one",
                "--lease-dir", self.leases, *more)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def test_it_is_run_once_while_frozen_and_told_about_the_guest(self):
        agent = self.agent()
        self.qemu()
        script = self.script(f'env >{self.path("environment")}; echo "$@" >>{self.path("calls")};'
                             ' echo made it; echo noise >&2\n')
        status, out, err = run(*self.arguments("--", script, "a b", "--name", "x", qmp=True))
        self.assertEqual((status, err), (0, ""), out)
        self.assertEqual(self.read("calls"), "a b --name x\n")
        self.assertIn("  made it\n", out)
        self.assertIn("app", out)
        self.assertFalse(agent.frozen)
        told = self.read("environment")
        self.assertIn("FROSTLINE_NAME=one\n", told)
        self.assertIn("FROSTLINE_GUESTS=web 1\n", told)
        self.assertRegex(told, "FROSTLINE_FREEZE_IDS=frostline-[0-9a-f]{16}\n")
        self.assertIn("FROSTLINE_DISKS=web 1\tdisk0\t%s\nweb 1\tdisk1\t%s\n"
                      % (self.images[0][0], self.images[1][0]), told)
        self.assertIn("PATH=", told)

    def test_the_guest_is_frozen_all_the_time(self):
        agent = self.agent()
        seen = []
        agent.on_freeze = lambda: seen.append(os.path.exists(self.path("ran")))
        script = self.script(f"touch {self.path('ran')}; sleep 0.5; touch {self.path('end')}\n")
        thawed = []
        answer = agent._answer

        def watch(connection, line):
            if b"thaw" in line:
                thawed.append(os.path.exists(self.path("end")))
            answer(connection, line)
        agent._answer = watch
        status, out, err = run(*self.arguments("--", script))
        self.assertEqual(status, 0, err)
        self.assertEqual((seen, thawed), ([False], [True]))

    def test_json_and_the_description(self):
        self.agent()
        reports = self.path("reports")
        os.mkdir(reports)
        status, out, err = run(*self.arguments("--report-dir", reports, "--", "echo", "hello",
                                               options=("--json",)))
        self.assertEqual((status, err), (0, ""))
        guest = json.loads(out)["guests"][0]
        self.assertEqual(guest["method"], "command")
        self.assertEqual(guest["command"], ["echo", "hello"])
        self.assertEqual(guest["command-status"], 0)
        self.assertEqual(guest["command-output"], "hello\n")
        with open(os.path.join(reports, "one.frostline.json"), encoding="utf-8") as file:
            kept = json.load(file)
        self.assertEqual(kept["level"], "app")
        self.assertEqual(kept["report"]["outcome"], "consistent")

    def test_figures_for_prometheus_and_a_picture(self):
        agent = self.agent()
        metrics, picture = self.path("frostline.prom"), self.path("one.svg")
        status, _, err = run(*self.arguments("--metrics", metrics, "--timeline", picture, "--", "true"))
        self.assertEqual((status, err), (0, ""))
        self.assertIn('frostline_snapshot_consistent{guest="web 1"} 1.000000\n', self.read("frostline.prom"))
        self.assertIn("10-db hold: 1.5ms, held", self.read("one.svg"))
        agent.freeze_error = "no"
        status, _, err = run(*self.arguments("--metrics", metrics, "--", "true"))
        self.assertEqual(status, 3)
        self.assertIn('frostline_snapshot_exit_status{guest="web 1"} 3.000000\n',
                      self.read("frostline.prom"))
        status, _, err = run(*self.arguments("--metrics", "/proc/no/file", "--", "true"))
        self.assertEqual(status, 3)
        self.assertIn("/proc/no/file", err)

    def test_one_that_fails_is_a_snapshot_that_failed(self):
        agent = self.agent()
        script = self.script("echo out; echo no space in the pool >&2; exit 5\n")
        status, out, err = run(*self.arguments("--", script))
        self.assertEqual(status, 4)
        self.assertIn("ended with status 5: no space in the pool", err)
        self.assertIn("no snapshot was taken, and the guest is not frozen", err)
        self.assertFalse(agent.frozen)

    def test_one_that_is_not_there_freezes_nothing(self):
        agent = self.agent()
        for name in ("no-such-program", "/no/such/program", "/etc/passwd"):
            status, _, err = run(*self.arguments("--", name))
            self.assertEqual(status, 4, err)
            self.assertIn("is not there, or may not be run", err)
        self.assertFalse(agent.freeze_asked.is_set())

    def assert_ended(self):
        for pid in map(int, self.read("pids").split()):
            until = time.monotonic() + 5
            while os.path.exists(f"/proc/{pid}"):
                self.assertLess(time.monotonic(), until, f"{pid} still runs")
                time.sleep(0.05)

    def test_one_that_outlasts_the_deadline_is_ended_with_all_of_it(self):
        agent = self.agent()
        script = self.script(f"sleep 60 & echo $$ $! >{self.path('pids')}; wait\n")
        began = time.monotonic()
        status, _, err = run(*self.arguments("--deadline", "1s", "--", script))
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(status, 4, err)
        self.assertIn("nobody can say what was taken", err)
        self.assertFalse(agent.frozen)
        self.assert_ended()

    def test_an_interrupt_ends_it_and_thaws(self):
        agent = self.agent()
        script = self.script(f"sleep 60 & echo $$ $! >{self.path('pids')}; wait\n")
        process = start(*self.arguments("--", script))
        self.assertTrue(agent.frozen_event.wait(20))
        until = time.monotonic() + 10
        while not os.path.exists(self.path("pids")) or not self.read("pids"):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        self.assertEqual(status, 4, out + err)
        self.assertFalse(agent.frozen)
        self.assert_ended()

    def test_a_plain_agent_is_good_for_file_systems(self):
        self.agent(frostline=False)
        status, out, err = run(*self.arguments("--", "true"))
        self.assertEqual(status, 5, err)
        status, out, err = run(*self.arguments("--require", "fs", "--", "true"))
        self.assertEqual(status, 0, err)


if __name__ == "__main__":
    unittest.main()
