# SPDX-License-Identifier: Apache-2.0
"""A guest agent on a Unix socket that does what a test tells it to, and freezes nothing."""

import json
import os
import socket
import threading

PLAIN = [
    "guest-sync-delimited", "guest-sync", "guest-ping", "guest-info", "guest-fsfreeze-status",
    "guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw",
]
OWN = ["frostline-freeze", "frostline-thaw", "frostline-status", "frostline-list-hooks"]


class AgentError(Exception):
    pass


class FakeAgent:
    """Settings are attributes; a test sets them before it starts the tool."""

    def __init__(self, path, frostline=True):
        self.path = path
        self.frostline = frostline
        self.frozen = False
        self.id = None
        self.count = 2              # file systems that a freeze holds
        self.thaw_count = None      # None: the same
        self.freeze_error = None    # text of the freeze's error answer
        self.thaw_error = None      # text of the first thaw's error answer
        self.hooks = [("10-db", "hold", "held")]
        self.outcome = "consistent"
        self.on_freeze = None       # called before a freeze is answered
        self.on_frozen = None       # called once frozen, before the answer
        self.mute_after_freeze = False  # freezes, then answers nothing for good
        self.drop_after_freeze = False  # freezes, answers, then closes the connection once
        self.freeze_unanswered = False  # freezes and never answers that
        self.deadline_ms = None
        self.log = []
        self.frozen_event = threading.Event()
        self.freeze_asked = threading.Event()
        self._mute = False
        self._stop = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(8)
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._stop = True
        self._listener.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _accept(self):
        while not self._stop:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        buffer = b""
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                try:
                    self._answer(connection, line)
                except OSError:
                    return

    def _answer(self, connection, line):
        if line.startswith(b"\xff"):
            # As the real ones do: the reset byte gets an error of its own, before the mark.
            self._send(connection, {"error": {"class": "GenericError",
                                              "desc": "JSON parse error, stray '\ufffd'"}})
            line = line.lstrip(b"\xff")
        request = json.loads(line)
        name = request["execute"]
        arguments = request.get("arguments", {})
        self.log.append((name, arguments))
        mark = b"\xff" if name == "guest-sync-delimited" else b""
        drop = False
        try:
            if self._mute:
                return
            reply = {"return": self._execute(name, arguments)}
            if name.endswith("freeze"):
                if self.mute_after_freeze:
                    self._mute = True
                if self.freeze_unanswered:
                    return
                drop = self.drop_after_freeze
        except AgentError as error:
            name_of_class = "CommandNotFound" if "not been found" in str(error) else "GenericError"
            reply = {"error": {"class": name_of_class, "desc": str(error)}}
        if "id" in request:
            reply["id"] = request["id"]
        self._send(connection, reply, mark)
        if drop:
            connection.shutdown(socket.SHUT_RDWR)

    def _send(self, connection, message, mark=b""):
        connection.sendall(mark + json.dumps(message).encode() + b"\n")

    def _execute(self, name, arguments):
        if name in ("guest-sync", "guest-sync-delimited"):
            return arguments["id"]
        if name == "guest-ping":
            return {}
        if name == "guest-info":
            names = PLAIN + (OWN if self.frostline else [])
            return {"version": "0.1.0" if self.frostline else "7.2.22",
                    "supported_commands": [{"name": n, "enabled": True, "success-response": True}
                                           for n in names]}
        if name == "guest-fsfreeze-status":
            return "frozen" if self.frozen else "thawed"
        if name == "guest-fsfreeze-freeze":
            return self._freeze(None)
        if name == "guest-fsfreeze-thaw":
            return self._thaw()
        if self.frostline and name == "frostline-freeze":
            self._freeze(arguments.get("id"))
            return self.report()
        if self.frostline and name == "frostline-thaw":
            if self.frozen and arguments.get("id") not in (None, self.id):
                raise AgentError("another freeze is in force")
            self._thaw()
            return self.report()
        if self.frostline and name == "frostline-status":
            status = {"state": "frozen" if self.frozen else "idle"}
            if self.frozen:
                status["id"] = self.id
                if self.deadline_ms is not None:
                    status["deadline-remaining-ms"] = self.deadline_ms
            if self.id:
                status["last"] = self.report()
            return status
        if self.frostline and name == "frostline-list-hooks":
            return [{"name": n, "stage": 10, "type": "session", "path": "/etc/frostline/" + n,
                     "state": "active", "freeze-timeout-ms": 10000, "thaw-timeout-ms": 10000,
                     "on-failure": "abort",
                     **({"check": {"result": "done", "duration-us": 5}}
                        if arguments.get("check") else {})}
                    for n, _, _ in self.hooks]
        raise AgentError("The command %s has not been found" % name)

    def _freeze(self, name):
        self.freeze_asked.set()
        if self.on_freeze:
            self.on_freeze()
        if self.freeze_error:
            raise AgentError(self.freeze_error)
        self.id = name
        self.frozen = True
        if self.on_frozen:
            self.on_frozen()
        self.frozen_event.set()
        return self.count

    def _thaw(self):
        was_frozen, self.frozen = self.frozen, False
        if self.thaw_error:
            error, self.thaw_error = self.thaw_error, None
            raise AgentError(error)
        if not was_frozen:
            return 0
        return self.count if self.thaw_count is None else self.thaw_count

    def report(self):
        return {
            "id": self.id or "none", "outcome": self.outcome,
            "started": "2026-01-01T00:00:00.000000Z",
            "frozen-us": 12345,
            "phases": [{"name": "freeze", "start-us": 0, "duration-us": 10}],
            "hooks": [{"name": n, "stage": 10, "phase": p, "result": r, "start-us": 1,
                       "duration-us": 1500} for n, p, r in self.hooks],
            "filesystems": [{"mountpoint": "/" + "x" * i, "type": "ext4",
                             "device": "/dev/vda%d" % i, "result": "frozen", "start-us": 5,
                             "duration-us": 900} for i in range(self.count)],
        }
