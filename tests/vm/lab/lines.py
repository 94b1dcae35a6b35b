# SPDX-License-Identifier: Apache-2.0
"""A Unix socket on which both sides send lines."""

import select
import socket
import time

from .run import LabError


class LineSocket:
    """Connects to a Unix socket; reads lines with a limit."""

    def __init__(self, path, limit=10):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(limit)
        self._path = path
        try:
            self._socket.connect(str(path))
        except OSError as error:
            raise LabError(f"{path}: {error}") from error
        self._buffer = b""

    def send(self, data):
        self._socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self, limit):
        """The next line without its end as bytes, or None when `limit` seconds have passed."""
        until = time.monotonic() + limit
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._socket], [], [], max(0, until - time.monotonic()))
            if not ready:
                return None
            chunk = self._socket.recv(65536)
            if not chunk:
                raise LabError(f"{self._path}: closed by the other side")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def close(self):
        self._socket.close()
