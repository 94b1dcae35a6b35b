# SPDX-License-Identifier: Apache-2.0
"""A small client for QEMU's monitor."""

import json
import time

from .lines import LineSocket
from .run import LabError


class QmpError(LabError):
    """QEMU refused a command."""


class Qmp:
    """One connection to the monitor; events are kept until somebody waits for them."""

    def __init__(self, path, limit=10):
        self._socket = LineSocket(path, limit)
        self._events = []
        self._next(limit)  # the greeting
        self.command("qmp_capabilities")

    def command(self, name, /, limit=30, **arguments):
        """Runs a command. In argument names _ stands for -."""
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        self._socket.send(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        until = time.monotonic() + limit
        while True:
            message = self._next(until - time.monotonic())
            if "event" in message:
                self._events.append(message)
            elif "error" in message:
                raise QmpError(f"QMP {name}: {message['error']['desc']}")
            else:
                return message["return"]

    def wait_event(self, name, limit, **data):
        """Waits for an event of that name whose data has these values, and takes it."""
        until = time.monotonic() + limit
        while True:
            for event in self._events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self._events.remove(event)
                    return event
            message = self._next(until - time.monotonic(), f"event {name} {data}")
            if "event" in message:
                self._events.append(message)

    def forget_events(self):
        """Drops what came so far, so that a wait afterwards is for something new."""
        self.command("query-status")
        self._events.clear()

    def close(self):
        self._socket.close()

    def _next(self, limit, awaited="an answer"):
        line = self._socket.line(limit)
        if line is None:
            raise LabError(f"QMP: waited for {awaited} in vain")
        return json.loads(line)
