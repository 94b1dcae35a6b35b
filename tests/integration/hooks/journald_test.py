#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the journald hook asks of journalctl, and when it leaves it alone.

A journalctl of the test's own stands in for the real one, which would change this machine's
journal; the real one is in tests/vm/test_journald.py.
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

HOOK = str(pathlib.Path(__file__).resolve().parents[3] / "hooks.d/programs/journald")


class Journald(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="frostline-journald-")
        self.addCleanup(folder.cleanup)
        self.base = pathlib.Path(folder.name)
        self.journal = self.base / "journal"
        self.journal.mkdir()
        self.socket = self.base / "socket"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(str(self.socket))
        self.calls = self.base / "calls"
        self.journalctl('[ "$1" = --help ] && echo "  --relinquish-var" || true')

    def journalctl(self, script):
        program = self.base / "journalctl"
        program.write_text(f'#!/bin/sh\necho "$@" >>{self.calls}\n{script}\n')
        program.chmod(0o755)

    def call(self, phase):
        done = subprocess.run(
            [HOOK, phase], capture_output=True, text=True, timeout=30, check=False,
            env={"PATH": f"{self.base}:{os.environ['PATH']}", "LC_ALL": "C",
                 "JOURNALD_HOOK_JOURNAL": str(self.journal),
                 "JOURNALD_HOOK_SOCKET": str(self.socket)})
        made = self.calls.read_text().split() if self.calls.exists() else []
        return done, made

    def test_lets_go_of_the_files_and_takes_them_again(self):
        done, calls = self.call("freeze")
        self.assertEqual((done.returncode, calls), (0, ["--relinquish-var"]), done.stderr)
        self.calls.unlink()
        done, calls = self.call("thaw")
        self.assertEqual((done.returncode, calls), (0, ["--flush"]), done.stderr)

    def test_a_refusal_is_a_failure_that_says_what_to_do(self):
        self.journalctl("echo no >&2; exit 1")
        done, _ = self.call("freeze")
        self.assertEqual(done.returncode, 1)
        self.assertIn("may wait until the thaw", done.stderr.splitlines()[-1])
        done, _ = self.call("thaw")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'journalctl --flush'", done.stderr.splitlines()[-1])

    def test_nothing_to_do_without_files_or_without_journald(self):
        for phase in ("check", "freeze", "thaw"):
            self.journal.rename(self.base / "gone")
            done, calls = self.call(phase)
            self.assertEqual((done.returncode, calls), (77, []))
            self.assertIn("in memory only", done.stderr)
            (self.base / "gone").rename(self.journal)
        self.socket.unlink()
        done, calls = self.call("freeze")
        self.assertEqual((done.returncode, calls), (77, []))

    @unittest.skipUnless(os.geteuid() == 0, "the check wants root")
    def test_check_tells_an_old_systemd(self):
        self.assertEqual(self.call("check")[0].returncode, 0)
        self.journalctl('[ "$1" = --version ] && echo "systemd 241" || true')
        done, _ = self.call("check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("systemd 241", done.stderr)

    def test_unknown_phases_are_refused(self):
        self.assertEqual(self.call("hold")[0].returncode, 64)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv[:1])
