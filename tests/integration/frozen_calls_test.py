#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Between the first freeze and the last thaw the agent makes no system call that could wait for a
frozen file system, or write to one: a supervisor looks at each call and kills it at the first wrong
one (tests/support/frozen_calls)."""

import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, main, wait_for  # noqa: E402

FROZEN_CALLS = os.environ["FROSTLINE_FROZEN_CALLS"]

SESSION = """#!/bin/sh
echo READY
read -r word
exit 0
"""


class FrozenCalls(AgentTest):
    config = "[freeze]\ndeadline=20s\n"

    def setUp(self):
        super().setUp()
        # What lives for a run is on tmpfs, as it is in a guest.
        memory = tempfile.mkdtemp(prefix="frostline-", dir="/dev/shm")
        self.addCleanup(shutil.rmtree, memory, ignore_errors=True)
        self.agent.run = os.path.join(memory, "run")
        self.report = os.path.join(memory, "report")
        self.disks = [self.mount("ext4"), self.mount("xfs")]
        # A log that is written to while frozen would wait until the thaw.
        self.agent.log = os.path.join(self.disks[0].path, "agent.log")
        self.agent.hook("20-flush", "exit 0")
        self.write_session()
        self.options = []
        plain = self.agent.command
        self.agent.command = lambda *more: [FROZEN_CALLS, *self.options, self.report,
                                            *plain(*more)]

    def write_session(self):
        program = os.path.join(self.directory, "session")
        with open(program, "w", encoding="ascii") as file:
            file.write(SESSION)
        os.chmod(program, 0o755)
        with open(os.path.join(self.agent.hooks, "50-hold.hook"), "w", encoding="ascii") as file:
            file.write("[Hook]\nType=session\nExec=%s\n" % program)

    def told(self):
        try:
            with open(self.report, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def freeze(self, host):
        self.assertEqual(
            host.ask("guest-fsfreeze-freeze-list",
                     {"mountpoints": [disk.path for disk in self.disks]}, 20), {"return": 2},
            self.told())

    def ends(self, status, freezes):
        """With the descriptor of the log still open, which is on one of the file systems."""
        self.assertEqual(self.agent.process.wait(20), status, self.told())
        self.agent.process = None
        wait_for(lambda: "freezes:" in self.told(), "the report of the supervisor")
        self.assertEqual(self.told(), "freezes: %d\n" % freezes)

    def test_whatever_a_host_asks(self):
        self.options = ["--lookups"]  # guest-get-fsinfo tells how full each file system is
        host = self.start()
        self.freeze(host)
        info = host.value("guest-info")
        names = [one["name"] for one in info["supported_commands"] if one["enabled"]]
        # Those that end the freeze come after the loop; shutting down is not for this machine.
        names = [name for name in names if name not in (
            "guest-fsfreeze-thaw", "frostline-thaw", "guest-shutdown") and
            not name.startswith("guest-sync")]
        for name in names:
            try:
                reply = host.ask(name)
            except EOFError:
                self.fail("%s: %s" % (name, self.told()))
            self.assertTrue("return" in reply or "error" in reply, name)
        self.assertEqual(host.value("guest-sync", {"id": 7}), 7)
        self.assertIn("error", host.ask("guest-exec", {"path": "/bin/true"}))
        host.send("{]\n")
        self.assertIn("error", host.read())
        with self.agent.control() as other:
            self.assertEqual(other.value("frostline-status")["state"], "frozen")
        self.assertEqual(self.told(), "")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 2)
        self.assertEqual(host.value("guest-ping"), {})
        self.agent.process.send_signal(signal.SIGTERM)
        self.ends(0, 2)

    def test_the_deadline(self):
        host = self.start()
        host.value("frostline-freeze", {"mountpoints": [disk.path for disk in self.disks],
                                        "deadline-ms": 300}, 20)
        wait_for(lambda: host.value("guest-fsfreeze-status") == "thawed", "the deadline")
        self.agent.process.send_signal(signal.SIGTERM)
        self.ends(0, 2)

    def test_a_stop(self):
        host = self.start()
        self.freeze(host)
        self.agent.process.send_signal(signal.SIGTERM)
        self.ends(0, 2)


if __name__ == "__main__":
    main()
