# SPDX-License-Identifier: Apache-2.0
"""A QEMU without a guest system, its monitor, and a way to run the tool."""

import json
import os
import select
import signal
import socket
import subprocess

FROSTLINE = os.environ["FROSTLINE"]


def qemu_img(*arguments):
    return subprocess.run(["qemu-img", *arguments], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


class Monitor:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._file = self._socket.makefile("rw")
        self._file.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self._file.write(json.dumps(request) + "\n")
        self._file.flush()
        while True:
            message = json.loads(self._file.readline())
            if "error" in message:
                raise RuntimeError(message["error"]["desc"])
            if "return" in message:
                return message["return"]

    def io(self, device, command):
        """qemu-io on a running disk, as if the guest had done it."""
        output = self.execute("human-monitor-command",
                              **{"command-line": 'qemu-io -d %s "%s"' % (device, command)})
        if "failed" in output.lower():
            raise AssertionError(output)

    def close(self):
        try:
            self._file.close()
        except OSError:
            pass  # what QEMU's end no longer takes
        self._socket.close()


class Qemu:
    """Stopped at the first instruction; its disks work all the same. Two monitors: one for the
    tool, one for the test."""

    def __init__(self, directory, disks, extra=()):
        self.directory = directory
        self.qmp = os.path.join(directory, "qmp.sock")
        own = os.path.join(directory, "own.sock")
        command = ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults", "-display", "none", "-S",
                   "-m", "64", "-qmp", "unix:%s,server=on,wait=off" % self.qmp,
                   "-qmp", "unix:%s,server=on,wait=off" % own,
                   "-pidfile", os.path.join(directory, "pid"), "-daemonize"]
        for number, (path, form) in enumerate(disks):
            command += ["-blockdev", json.dumps({"driver": "file", "filename": path,
                                                 "node-name": "file%d" % number}),
                        "-blockdev", json.dumps({"driver": form, "file": "file%d" % number,
                                                 "node-name": "base%d" % number}),
                        "-device", "virtio-blk-pci,drive=base%d,id=disk%d" % (number, number)]
        # -daemonize returns when the sockets are there.
        subprocess.run(command + list(extra), check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(directory, "pid")) as file:
            self.pid = int(file.read())
        self._process = os.pidfd_open(self.pid)  # now, since a test may end it by itself
        self.monitor = Monitor(own)

    def io(self, number, command):
        self.monitor.io("/machine/peripheral/disk%d/virtio-backend" % number, command)

    def nodes(self):
        """device -> (node, file)"""
        return {entry["qdev"].split("/")[3]: (entry["inserted"]["node-name"],
                                              entry["inserted"]["file"])
                for entry in self.monitor.execute("query-block") if "inserted" in entry}

    def close(self):
        try:
            self.monitor.execute("quit")
        except (RuntimeError, ValueError, OSError):
            self._kill()
        self.monitor.close()
        if not select.select([self._process], [], [], 20)[0]:
            self._kill()
        os.close(self._process)

    def _kill(self):
        try:
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself


def start(*arguments):
    return subprocess.Popen([FROSTLINE, *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, limit=60):
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, err


def run(*arguments, limit=60):
    return finish(start(*arguments), limit)
