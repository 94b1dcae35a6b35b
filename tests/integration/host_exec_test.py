#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""frostline exec, with the real agent at the other end."""

import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, main  # noqa: E402


class Exec(AgentTest):
    def setUp(self):
        super().setUp()
        self.agent.start()

    def command(self, *words, options=()):
        return [os.environ["FROSTLINE"], "--socket", self.agent.socket, *options, "exec", "web", "--",
                *words]

    def exec(self, *words, options=()):
        done = subprocess.run(self.command(*words, options=options), capture_output=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def test_its_streams_and_its_status(self):
        self.assertEqual(self.exec("sh", "-c", "printf 'a\\377b'; printf 'c\\n' >&2"),
                         (0, b"a\xffb", b"c\n"))
        status, out, err = self.exec("sh", "-c", "echo out; exit 7")
        self.assertEqual((status, out), (5, b"out\n"))
        self.assertIn(b"the program ended with status 7", err)
        status, _, err = self.exec("sh", "-c", "kill -9 $$")
        self.assertEqual(status, 5)
        self.assertIn(b"ended by signal 9", err)

    def test_words_stay_whole(self):
        self.assertEqual(self.exec("printf", "[%s]", "a b", "", "--json", "$HOME")[1],
                         b"[a b][][--json][$HOME]")

    def test_json(self):
        status, out, _ = self.exec("sh", "-c", "echo hi; exit 3", options=("--json",))
        guest = json.loads(out)["guests"][0]
        self.assertEqual((status, guest["exit-status"], guest["program-status"], guest["truncated"]),
                         (5, 5, 3, False))
        self.assertEqual(guest["output"], "hi\n")

    def test_one_that_is_not_there(self):
        status, _, err = self.exec("/no/such/program")
        self.assertEqual(status, 4)
        self.assertIn(b"/no/such/program", err)

    def test_one_that_takes_longer(self):
        began = time.monotonic()
        status, _, err = self.exec("sleep", "60", options=("--timeout", "1s"))
        self.assertEqual(status, 2)
        self.assertIn(b"still runs in the guest", err)
        self.assertLess(time.monotonic() - began, 20)
        process = subprocess.Popen(self.command("sleep", "60"), stderr=subprocess.PIPE)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertIn(b"goes on in the guest", err)
        for pid in self.agent.children():
            os.kill(int(pid), signal.SIGKILL)

    def test_a_guest_that_forbids_it(self):
        self.agent.stop()
        self.agent.options += ["-b", "guest-exec"]
        self.agent.start()
        status, _, err = self.exec("true")
        self.assertEqual(status, 1)
        self.assertIn(b"guest-exec", err)


if __name__ == "__main__":
    main()
