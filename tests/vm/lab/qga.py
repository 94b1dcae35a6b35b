# SPDX-License-Identifier: Apache-2.0
"""A small, strict client for the guest agent protocol, independent of the host tool."""

import json
import random
import time

from .lines import LineSocket
from .run import LabError


class QgaError(LabError):
    """The agent answered with an error."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error['class']}: {error['desc']}")
        self.error_class = error["class"]
        self.description = error["desc"]


class Qga:
    """A connection to a guest agent's socket; several may follow one another."""

    def __init__(self, path):
        self._socket = LineSocket(path)

    def sync(self, limit=30):
        """Makes sure that the next answer belongs to the next command."""
        number = random.randrange(1, 2**31)
        self._send({"execute": "guest-sync-delimited", "arguments": {"id": number}}, b"\xff")
        until = time.monotonic() + limit
        while True:
            line = self._line("guest-sync-delimited", until - time.monotonic())
            # What an earlier client left unread, and the complaint about our own 0xFF.
            if b"\xff" in line and json.loads(line.split(b"\xff")[-1]).get("return") == number:
                return

    def command(self, name, /, limit=30, **arguments):
        """Runs a command and returns what it gives. In argument names _ stands for -."""
        self.send(name, **arguments)
        return self.answer(name, limit)

    def send(self, name, /, **arguments):
        """Sends a command without waiting for its answer."""
        request = {"execute": name}
        if arguments:
            request["arguments"] = {key.replace("_", "-"): value
                                    for key, value in arguments.items()}
        self._send(request)

    def send_raw(self, data):
        """Sends bytes as they are."""
        self._socket.send(data)

    def answer(self, name, limit=30):
        """The answer to the oldest command whose answer hasn't been read."""
        message = json.loads(self._line(name, limit))
        if "error" in message:
            raise QgaError(name, message["error"])
        return message["return"]

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def _send(self, request, prefix=b""):
        self._socket.send(prefix + json.dumps(request).encode() + b"\n")

    def _line(self, name, limit):
        line = self._socket.line(limit)
        if line is None:
            raise LabError(f"{name}: the guest agent has not answered")
        return line
