# SPDX-License-Identifier: Apache-2.0
"""The host's end of the root shell in the guest (guest/shell.pl says how they talk)."""

import itertools
import threading
from dataclasses import dataclass

from .ports import LinePort
from .run import LabError, tail


@dataclass
class Answer:
    """How a command in the guest ended."""

    status: int  # exit status; 128 + signal; 124 when its limit had passed
    output: str  # both of its outputs


class Pending:
    """A command that runs in the guest."""

    def __init__(self, command):
        self.command = command
        self._done = threading.Event()
        self._answer = None

    def finish(self, answer):
        self._answer = answer
        self._done.set()

    def done(self, limit=0):
        """Whether it has ended, waiting for that at most `limit` seconds."""
        return self._done.wait(limit)

    def result(self, limit):
        if not self._done.wait(limit):
            raise LabError(f"guest command not done after {limit} s: {self.command}")
        if self._answer is None:
            raise LabError(f"the guest ended while it ran: {self.command}")
        return self._answer


class GuestShell:
    """Runs commands in the guest as root, any number at a time; needs no guest agent."""

    def __init__(self, path):
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._pending = {}
        self._port = LinePort(path, self._reply, self._closed)

    def start(self, command, limit=60):
        """Starts a shell command, which is killed after `limit` seconds in the guest."""
        pending = Pending(command)
        number = next(self._ids)
        with self._lock:
            self._pending[number] = pending
        self._port.send(f"{number} {limit} {command.encode().hex()}\n")
        return pending

    def run(self, command, limit=60):
        """Runs a command to its end."""
        return self.start(command, limit).result(limit + 10)

    def check(self, command, limit=60):
        """Runs a command that must succeed and returns what it printed."""
        answer = self.run(command, limit)
        if answer.status != 0:
            raise LabError(f"guest command ended with status {answer.status}: {command}\n"
                           f"{tail(answer.output)}")
        return answer.output

    def close(self):
        self._port.close()

    def _reply(self, line):
        number, status, text = (line.split(" ") + [""])[:3]
        with self._lock:
            pending = self._pending.pop(int(number))
        pending.finish(Answer(int(status), bytes.fromhex(text).decode(errors="replace")))

    def _closed(self):
        with self._lock:
            waiting, self._pending = self._pending, {}
        for pending in waiting.values():
            pending.finish(None)
