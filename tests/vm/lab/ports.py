# SPDX-License-Identifier: Apache-2.0
"""Virtio ports whose host end is the lab itself."""

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .run import LabError


class LinePort:
    """Listens on a Unix socket to which QEMU connects when it starts, and reads lines from it.

    `on_line` is called for each line, `on_close` at the end, both on the port's own thread.
    """

    def __init__(self, path, on_line, on_close=lambda: None):
        self._on_line = on_line
        self._on_close = on_close
        self._connection = None
        self._connected = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        Path(path).unlink(missing_ok=True)  # of the run before, when QEMU starts again
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def send(self, text):
        if not self._connected.wait(10) or self._connection is None:
            raise LabError("QEMU has not connected to the lab's port")
        self._connection.sendall(text.encode())

    def close(self):
        for end in (self._listener, self._connection):
            if end is not None:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()
        self._thread.join(5)

    def _serve(self):
        try:
            self._connection, _ = self._listener.accept()
            self._connected.set()
            buffer = b""
            while chunk := self._connection.recv(65536):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    self._on_line(line.decode(errors="replace"))
        except OSError:
            pass  # closed by us, or QEMU is gone
        finally:
            self._connected.set()
            self._on_close()


@dataclass
class Acknowledgement:
    """A record that PostgreSQL had committed before the guest said so."""

    client: int
    number: int
    at: float  # time.monotonic() on the host


class Acknowledgements:
    """Collects what the guest's writer reports (guest/writer.pl)."""

    def __init__(self, path):
        self._changed = threading.Condition()
        self._all = []
        self._port = LinePort(path, self._line)

    def all(self):
        with self._changed:
            return list(self._all)

    def highest(self, before=None):
        """By client, the last number acknowledged (before a time.monotonic(), if given)."""
        result = {}
        for ack in self.all():
            if before is None or ack.at <= before:
                result[ack.client] = max(ack.number, result.get(ack.client, 0))
        return result

    def wait_more(self, count, limit):
        """Waits until `count` more records are acknowledged than are now."""
        with self._changed:
            goal = len(self._all) + count
            if not self._changed.wait_for(lambda: len(self._all) >= goal, limit):
                missing = goal - len(self._all)
                raise LabError(f"{missing} of {count} records not acknowledged after {limit} s")

    def close(self):
        self._port.close()

    def _line(self, line):
        client, number = (int(word) for word in line.split())
        with self._changed:
            self._all.append(Acknowledgement(client, number, time.monotonic()))
            self._changed.notify_all()
