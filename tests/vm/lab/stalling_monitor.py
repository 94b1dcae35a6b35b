# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor with a switch in it: the command that takes a snapshot waits until it is let go.

So a test can look at, or kill, a host tool that has frozen the guest and not yet thawed it.
"""

import json
import socket
import threading


class StallingMonitor:
    """Serves one client at `path`; everything but `stalled` goes straight on to QEMU and back."""

    def __init__(self, path, monitor, stalled="transaction"):
        self.path = path
        self.reached = threading.Event()  # set when the stalled command has come
        self._stalled = stalled
        self._go_on = threading.Event()
        self._refuse = False
        self._client = None
        self._qemu = socket.socket(socket.AF_UNIX)
        self._qemu.connect(str(monitor))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def let_go(self, refuse=False):
        """Passes the stalled command on, or answers it with an error."""
        self._refuse = refuse
        self._go_on.set()

    def close(self):
        self._refuse = True
        self._go_on.set()
        for end in (self._listener, self._client, self._qemu):
            if end is not None:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()
        self.path.unlink(missing_ok=True)

    def _serve(self):
        try:
            self._client, _ = self._listener.accept()
            threading.Thread(target=self._copy_answers, daemon=True).start()
            with self._client.makefile("rb") as lines:
                for line in lines:
                    self._pass_on(line)
        except OSError:
            pass  # closed by us, or one side is gone

    def _pass_on(self, line):
        request = json.loads(line)
        if request.get("execute") == self._stalled:
            self.reached.set()
            self._go_on.wait()
            if self._refuse:
                answer = {"error": {"class": "GenericError", "desc": "refused by the test"}}
                if "id" in request:
                    answer["id"] = request["id"]
                self._client.sendall(json.dumps(answer).encode() + b"\r\n")
                return
        self._qemu.sendall(line)

    def _copy_answers(self):
        try:
            while chunk := self._qemu.recv(65536):
                self._client.sendall(chunk)
        except OSError:
            pass
