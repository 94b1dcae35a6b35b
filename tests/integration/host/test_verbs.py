# SPDX-License-Identifier: Apache-2.0
"""The verbs that need no QEMU, against a scripted agent and against Debian's qemu-ga (which is
never asked to freeze: it would freeze this machine)."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_agent import FakeAgent  # noqa: E402
from lab import run, start, finish  # noqa: E402

QEMU_GA = shutil.which("qemu-ga", path="/usr/sbin:/usr/bin")


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="frostline-verbs.")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "agent.sock")

    def agent(self, **settings):
        agent = FakeAgent(self.path, frostline=settings.pop("frostline", True))
        self.addCleanup(agent.close)
        for name, value in settings.items():
            setattr(agent, name, value)
        return agent

    def verb(self, *arguments):
        return run("--socket", self.path, *arguments)


class Reach(Case):
    def test_no_socket_is_not_reached(self):
        for verb in ("ping", "info", "status", "thaw", "freeze"):
            status, _, err = self.verb(verb)
            self.assertEqual(status, 2, verb + err)
            self.assertIn("there is no such socket", err)

    def test_socket_that_nobody_serves(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen(1)
        status, _, err = self.verb("--timeout", "200ms", "ping")
        self.assertEqual(status, 2)
        self.assertIn("no guest agent answers there in time", err)

    def test_old_answers_on_the_channel_are_dropped(self):
        agent = self.agent()
        old = agent._answer

        def answer(connection, line):
            connection.sendall(b'{"return": 17}\n{"ret')
            old(connection, line)
        agent._answer = answer
        status, out, err = self.verb("ping")
        self.assertEqual(status, 2, out + err)  # garbage glued to the answer itself
        agent._answer = old
        self.assertEqual(self.verb("ping")[0], 0)


class Frostline(Case):
    def test_ping_info_status_hooks(self):
        self.agent()
        status, out, err = self.verb("ping")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("Frostline 0.1.0", out)
        status, out, _ = self.verb("info")
        self.assertEqual(status, 0)
        self.assertIn("frostline-freeze", out)
        status, out, _ = self.verb("status")
        self.assertIn("idle", out)
        status, out, _ = self.verb("hooks", "--check")
        self.assertEqual(status, 0)
        self.assertIn("check: done", out)

    def test_freeze_and_thaw_by_hand(self):
        agent = self.agent()
        status, out, err = self.verb("freeze", "--deadline", "5s")
        self.assertEqual(status, 0, err)
        self.assertTrue(agent.frozen)
        asked = dict(agent.log)["frostline-freeze"]
        self.assertEqual(asked["deadline-ms"], 5000)
        self.assertIn(asked["id"], out)
        self.assertIn("frozen", self.verb("status")[1])
        self.assertEqual(self.verb("thaw")[0], 0)
        self.assertFalse(agent.frozen)

    def test_lapse_at_thaw(self):
        self.agent(thaw_error="fsfreeze is limited to 5 s: thawed before")
        self.assertEqual(self.verb("freeze")[0], 0)
        status, _, err = self.verb("thaw")
        self.assertEqual(status, 5)
        self.assertIn("fsfreeze is limited", err)

    def test_freeze_without_an_answer_is_undone(self):
        agent = self.agent(freeze_unanswered=True)
        status, _, err = self.verb("--timeout", "300ms", "freeze")
        self.assertEqual(status, 3, err)
        self.assertFalse(agent.frozen)

    def test_json_is_one_document(self):
        self.agent()
        for verb in ("ping", "info", "status", "hooks", "freeze", "thaw"):
            status, out, err = self.verb("--json", verb, "web")
            document = json.loads(out)
            self.assertEqual(err, "")
            self.assertEqual(document["verb"], verb)
            self.assertEqual(document["guests"][0]["guest"], "web")
            self.assertEqual(document["guests"][0]["exit-status"], 0)
        os.rename(self.path, self.path + ".gone")
        status, out, err = self.verb("--json", "ping")
        self.assertEqual((status, json.loads(out)["guests"][0]["exit-status"], err), (2, 2, ""))

    def test_closed_standard_output_does_not_end_it_early(self):
        agent = self.agent()
        process = start("--socket", self.path, "freeze")
        process.stdout.close()
        process.stdout = None
        finish(process)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(agent.frozen)


class Plain(Case):
    def test_freeze_and_thaw_by_hand(self):
        agent = self.agent(frostline=False)
        status, out, err = self.verb("freeze")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("2 file systems", out)
        status, out, err = self.verb("thaw")
        self.assertEqual((status, err), (0, ""))
        self.assertFalse(agent.frozen)

    def test_what_it_cannot_do_is_a_usage_error(self):
        agent = self.agent(frostline=False)
        self.assertEqual(self.verb("hooks")[0], 1)
        self.assertEqual(self.verb("freeze", "--deadline", "5s")[0], 1)
        self.assertFalse(agent.freeze_asked.is_set())

    def test_thaw_that_is_not_confirmed(self):
        agent = self.agent(frostline=False)
        self.assertEqual(self.verb("freeze")[0], 0)
        agent._mute = True
        status, _, err = self.verb("--timeout", "200ms", "thaw")
        self.assertEqual(status, 2, err)  # not even the first question was answered


@unittest.skipUnless(QEMU_GA, "no qemu-ga here")
class DebianAgent(Case):
    def test_ping_info_status(self):
        state = os.path.join(self.directory, "state")
        os.mkdir(state)
        agent = subprocess.Popen([QEMU_GA, "-m", "unix-listen", "-p", self.path, "-t", state,
                                  "-b", "guest-fsfreeze-freeze,guest-fsfreeze-freeze-list,"
                                  "guest-shutdown,guest-suspend-disk,guest-suspend-ram"],
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL)
        self.addCleanup(agent.stderr.close)
        self.addCleanup(agent.wait)
        self.addCleanup(agent.terminate)
        # No event tells when it listens; the tool says 2 until it does.
        for _ in range(200):
            status, out, err = self.verb("--timeout", "1s", "ping")
            if status == 0:
                break
        self.assertEqual(status, 0, err)
        self.assertIn("qemu-ga", out)
        status, out, _ = self.verb("info")
        self.assertEqual(status, 0)
        self.assertIn("guest-get-osinfo", out)
        self.assertNotIn("guest-fsfreeze-freeze\n", out)
        status, out, _ = self.verb("status")
        self.assertEqual(status, 0)
        self.assertIn("thawed", out)


class Usage(unittest.TestCase):
    def test_help_fits_a_screen(self):
        status, out, _ = run("--help")
        self.assertEqual(status, 0)
        lines = out.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_verbs_of_another_version(self):
        for arguments in (("repair", "web"), ("repair",), (), ("--frobnicate", "ping")):
            status, out, err = run(*arguments)
            self.assertEqual((status, out), (1, ""))
            self.assertIn("--help", err)


if __name__ == "__main__":
    unittest.main()
