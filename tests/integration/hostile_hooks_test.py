#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hooks that do what no hook should, with the real agent and a really frozen file system: the freeze ends
in bounded time with a reason, nothing of them is left, and the next freeze works."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, alive, main, need_loop_devices, wait_for  # noqa: E402


class Hostile(AgentTest):
    config = "[freeze]\nhook-budget=30s\n"

    def setUp(self):
        super().setUp()
        self.volume = self.mount("ext4")
        self.marks = os.path.join(self.directory, "marks")
        os.mkdir(self.marks)

    def mark(self, name):
        return os.path.join(self.marks, name)

    def read(self, name):
        with open(self.mark(name), encoding="ascii") as file:
            return file.read()

    def session(self, name, script, keys=""):
        """A session hook with this script for each of its calls."""
        program = self.agent.hook(f"{name}.sh", script)
        self.agent.hook(f"{name}.hook", f"[Hook]\nType=session\nExec={program}\n{keys}")
        return program

    def oneshot(self, name, script, keys=""):
        program = self.agent.hook(f"{name}.sh", script)
        self.agent.hook(f"{name}.hook", f"[Hook]\nExec={program}\n{keys}")
        return program

    def freeze(self, host, timeout=30):
        return host.ask("frostline-freeze", {"mountpoints": [self.volume.path], "deadline-ms": 20000}, timeout)

    def assert_called_off(self, host, *reasons, within=10):
        began = time.monotonic()
        reply = self.freeze(host)
        self.assertLess(time.monotonic() - began, within)
        for reason in reasons:
            self.assertIn(reason, reply["error"]["desc"])
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        frozen, writer = self.volume.frozen()
        writer.communicate()
        self.assertFalse(frozen)

    def assert_frozen(self, host):
        reply = self.freeze(host)
        self.assertIn("return", reply)
        return reply["return"]

    def thaw(self, host):
        return host.ask("frostline-thaw", timeout=30)

    def results(self, report, phase):
        return [row["result"] for row in report["hooks"] if row["phase"] == phase]

    def assert_gone(self, name):
        """Each process whose number is in that file has ended."""
        for pid in map(int, self.read(name).split()):
            wait_for(lambda pid=pid: not alive(pid), f"the end of {pid}")

    def test_one_that_never_ends_and_hides_twice_over(self):
        pids = self.mark("pids")
        # A process of a session of its own, whose parent has gone, that ignores to be asked.
        self.oneshot("50-daemon", "[ $1 = freeze ] || exit 0; trap '' TERM\n"
                     f"(setsid sh -c 'trap \"\" TERM HUP; echo $$ >>{pids}; while :; do sleep 1; done'"
                     f" </dev/null >/dev/null 2>&1 &)\necho $$ >>{pids}; while :; do sleep 1; done\n",
                     "FreezeTimeout=500ms\n")
        host = self.start()
        self.assert_called_off(host, "50-daemon", "did not end within 500ms")
        self.assert_gone("pids")

    def test_one_that_closes_its_output(self):
        self.oneshot("50-quiet", "exec >&- 2>&- <&-; sleep 0.3; exit 0\n")
        self.session("60-quiet", "[ $1 = hold ] || exit 0; echo READY; exec >&- 2>&-; read -r word;"
                     ' [ "$word" = thaw ]\n')
        host = self.start()
        report = self.assert_frozen(host)
        self.assertEqual(self.results(report, "freeze") + self.results(report, "hold"), ["done", "done"])
        self.assertEqual(self.results(self.thaw(host)["return"], "thaw"), ["held", "done"])

    def test_one_that_closes_its_output_and_never_ends(self):
        self.session("50-quiet", "[ $1 = hold ] || exit 0; exec >&- 2>&-; sleep 60\n",
                     "FreezeTimeout=500ms\n")
        host = self.start()
        self.assert_called_off(host, "50-quiet", "did not end within 500ms")

    def test_one_that_prints_without_end(self):
        self.oneshot("50-loud", "[ $1 = freeze ] || exit 0; exec yes 'all of this is much too long'\n",
                     "FreezeTimeout=1s\n")
        host = self.start()
        self.assert_called_off(host, "50-loud", "did not end within 1.0s")
        self.assert_memory_below(24)

    def test_one_that_prints_without_end_while_it_holds(self):
        self.session("50-loud", "[ $1 = hold ] || exit 0; echo READY\nyes 'and much more of it' & spam=$!\n"
                     "yes READY >&2 & more=$!\nread -r word; kill $spam $more; exit 0\n")
        host = self.start()
        self.assert_frozen(host)
        time.sleep(1)
        began = time.monotonic()
        self.assertEqual(host.value("guest-ping"), {})
        self.assertLess(time.monotonic() - began, 0.5)
        self.assert_memory_below(24)
        self.assertEqual(self.results(self.thaw(host)["return"], "thaw"), ["held"])

    def test_one_that_exits_between_ready_and_thaw(self):
        calls = self.mark("calls")
        self.session("50-short", f"echo $1 >>{calls}; [ $1 = hold ] || exit 0; echo READY; sleep 0.3; exit 0\n")
        host = self.start()
        self.assert_frozen(host)
        wait_for(lambda: self.read("calls").count("hold") == 1, "the hold")
        time.sleep(0.6)
        told = self.thaw(host)["error"]["desc"]
        self.assertRegex(told, r"hook 50-short ended while it should hold: exit status 0 \([2-9]..ms ago\)")
        self.assertEqual(self.read("calls"), "hold\nthaw\n")

    def test_ready_twice_before_and_while_it_holds(self):
        self.session("50-twice", "[ $1 = hold ] || exit 0; echo READY; echo READY; sleep 0.2; echo READY;"
                     " read -r word\n")
        host = self.start()
        self.assertEqual(self.results(self.assert_frozen(host), "hold"), ["done"])
        self.assertEqual(self.results(self.thaw(host)["return"], "thaw"), ["held"])

    def test_ready_never(self):
        self.session("50-never", "[ $1 = hold ] || exit 0; echo READY soon; printf READ; read -r word\n",
                     "FreezeTimeout=500ms\n")
        host = self.start()
        self.assert_called_off(host, "50-never", "did not end within 500ms")

    def test_one_that_is_replaced_by_a_link_while_it_runs_is_not_followed(self):
        other = self.mark("other")
        with open(other, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\ntouch {self.mark('planted')}\n")
        os.chmod(other, 0o777)
        self.oneshot("50-link", f"case $1 in freeze) mv $0 {self.mark('mine')}; ln -s {other} $0;; esac\n")
        host = self.start()
        self.assert_frozen(host)
        report = self.thaw(host)["return"]
        self.assertEqual(self.results(report, "thaw"), ["failed"] * 3)
        self.assertIn("50-link.sh: writable by group or others", report["hooks"][-1]["stderr"])
        self.assertFalse(os.path.exists(self.mark("planted")))
        self.assertEqual(host.value("frostline-status")["owed-hooks"], ["50-link"])
        self.assert_called_off(host, "50-link is refused")

    def test_one_that_changes_its_own_mode(self):
        program = self.oneshot("50-mode", f"echo $1 >>{self.mark('calls')}; chmod 777 $0\n")
        host = self.start()
        self.assert_frozen(host)
        report = self.thaw(host)["return"]
        self.assertEqual(self.results(report, "thaw"), ["failed"] * 3)
        self.assertEqual(self.read("calls"), "freeze\n")
        self.assert_called_off(host, "50-mode is refused", f"{program}: writable by group or others")
        os.chmod(program, 0o755)
        self.assert_frozen(host)
        self.thaw(host)

    def test_one_that_takes_its_own_right_to_run_and_gets_it_back(self):
        program = self.oneshot("50-mode", f"echo $1 >>{self.mark('calls')}; [ $1 = thaw ] || chmod 600 $0\n")
        host = self.start()
        self.assert_frozen(host)
        host.send(b'{"execute": "frostline-thaw"}\n')
        time.sleep(0.5)
        os.chmod(program, 0o755)
        report = host.read()["return"]
        self.assertEqual(self.results(report, "thaw"), ["failed", "done"])
        self.assertEqual(self.read("calls"), "freeze\nthaw\n")

    def test_one_that_stops_itself(self):
        self.oneshot("50-stop", "[ $1 = freeze ] || exit 0; kill -STOP $$\n", "FreezeTimeout=500ms\n")
        host = self.start()
        self.assert_called_off(host, "50-stop", "did not end within 500ms")

    def test_one_that_kills_its_group(self):
        self.oneshot("50-kill", "[ $1 = freeze ] || exit 0; kill -KILL 0\n")
        host = self.start()
        self.assert_called_off(host, "50-kill", "signal 9")
        self.assertEqual(host.value("guest-ping"), {})

    def test_a_hundred(self):
        calls = self.mark("calls")
        for number in range(100):
            stage = 10 + number % 10
            if number % 2:
                self.oneshot(f"{stage}-h{number}", f"echo $1 >>{calls}\n")
            else:
                self.session(f"{stage}-h{number}", f"echo $1 >>{calls}; echo READY; read -r word\n")
        host = self.start()
        report = self.assert_frozen(host)
        self.assertEqual(len(report["hooks"]), 100)
        report = self.thaw(host)["return"]
        self.assertEqual(self.results(report, "thaw"), ["held"] * 50 + ["done"] * 50)
        self.assertEqual(sorted(self.read("calls").split()), ["freeze"] * 50 + ["hold"] * 50 + ["thaw"] * 50)
        wait_for(lambda: not [pid for pid in self.agent.children() if alive(pid)], "the end of all")


if __name__ == "__main__":
    need_loop_devices()
    main()
