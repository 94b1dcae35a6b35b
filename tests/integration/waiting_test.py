#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hosts see while something long runs. No file system is frozen here: a slow hook is all
that it takes."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, main, sanitized, wait_for  # noqa: E402

FREEZE = {"execute": "frostline-freeze", "arguments": {"mountpoints": [], "id": "slow"}}
QUEUED = 256  # requests that wait; what comes then is refused


class Waiting(AgentTest):
    """Each test begins with a freeze that waits for its hook, asked for by `host`."""

    def setUp(self):
        super().setUp()
        self.running = os.path.join(self.directory, "running")
        self.thawed = os.path.join(self.directory, "thawed")
        self.agent.hook("50-slow", "case $1 in\nfreeze) echo >%s; exec sleep 8;;\n"
                                   "thaw) echo >>%s;;\nesac\n" % (self.running, self.thawed))
        self.host = self.start()
        self.host.send(json.dumps(FREEZE))
        wait_for(lambda: os.path.exists(self.running), "the hook")

    def assert_rolled_back(self):
        with self.agent.control() as tool:
            wait_for(lambda: tool.value("frostline-status")["state"] == "idle", "the roll-back")
            status = tool.value("frostline-status")
        self.assertEqual((status["last"]["id"], status["last"]["outcome"]), ("slow", "aborted"))
        self.assertTrue(os.path.exists(self.thawed), "the hook was not asked to thaw")

    def flood(self, count):
        """Requests that have to wait. Returns once the agent has read them all."""
        self.host.send(b"".join(b'{"execute":"frostline-list-hooks","id":%d}' % number
                                for number in range(count)))
        refused = [self.host.read() for _ in range(count - QUEUED)]
        for number, reply in enumerate(refused):
            self.assertEqual(reply["id"], QUEUED + number)
            self.assert_error(reply, "busy: %d requests are waiting for frostline-freeze" % QUEUED)

    def timed(self, command, arguments=None):
        """The answer, and the time it took, the least of some tries: other programs run here."""
        times = []
        for _ in range(10):
            begin = time.monotonic()
            answer = self.host.ask(command, arguments)
            times.append(time.monotonic() - begin)
        return answer, min(times)

    def test_immediate_ones_are_answered_behind_a_full_queue(self):
        self.flood(5000)
        for command in ("guest-ping", "frostline-status", "guest-fsfreeze-status", "guest-info"):
            answer, took = self.timed(command)
            self.assertIn("return", answer)
            if not sanitized():
                self.assertLess(took, 0.010, command)
        self.assert_memory_below(40)

    def test_a_sync_behind_a_full_queue_gives_it_all_up(self):
        self.flood(1000)
        begin = time.monotonic()
        self.assertEqual(self.host.value("guest-sync", {"id": 5}), 5)
        self.assertLess(time.monotonic() - begin, 0.5)
        self.assert_rolled_back()
        self.assertTrue(self.host.silent(0.3))
        self.assertEqual(self.host.value("guest-fsfreeze-status"), "thawed")

    def test_a_thaw_behind_a_full_queue_interrupts_and_the_queue_is_answered(self):
        self.flood(1000)
        begin = time.monotonic()
        self.host.send('{"execute": "guest-fsfreeze-thaw", "id": "thaw"}')
        replies = [self.host.read() for _ in range(QUEUED + 2)]
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual([reply["id"] for reply in replies if isinstance(reply.get("id"), int)],
                         list(range(QUEUED)))
        self.assertEqual([reply["id"] for reply in replies if reply.get("id") == "thaw"], ["thaw"])
        self.assert_rolled_back()

    def test_a_thaw_on_another_connection_interrupts(self):
        begin = time.monotonic()
        with self.agent.control() as tool:
            tool.ask("guest-fsfreeze-thaw")
        self.assert_error(self.host.read(), "thaw")
        self.assertLess(time.monotonic() - begin, 5)
        self.assert_rolled_back()

    def test_a_closed_connection_rolls_it_back(self):
        self.host.close()
        self.assert_rolled_back()

    def test_garbage_does_not_disturb_it(self):
        self.host.send(b"\xff\x00{@}[{]1,,\x01\xfe" * 20 + b"\xff\n")
        self.assertEqual(self.host.value("guest-ping"), {})
        with self.agent.control() as tool:
            self.assertEqual(tool.value("frostline-status")["state"], "quiescing")


class AfterTheReply(AgentTest):
    def test_a_closed_connection_leaves_it_frozen(self):
        self.agent.hook("50-quick", "exit 0\n")
        host = self.start()
        report = host.value("frostline-freeze", FREEZE["arguments"])
        self.assertEqual(report["id"], "slow")
        host.close()
        with self.agent.connect() as other:
            self.assertEqual(other.value("guest-sync", {"id": 1}), 1)
            status = other.value("frostline-status")
            self.assertEqual((status["state"], status["id"]), ("frozen", "slow"))
            self.assertEqual(other.value("guest-fsfreeze-status"), "frozen")
            self.assertEqual(other.value("frostline-thaw", {"id": "slow"})["outcome"],
                             "consistent")


if __name__ == "__main__":
    main()
