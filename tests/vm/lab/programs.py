# SPDX-License-Identifier: Apache-2.0
"""The programs under test, in a meson build folder."""

import fcntl
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .payload import write_payload
from .run import LabError, tail


@dataclass
class Run:
    """How a run of the host tool ended."""

    status: int
    output: str
    errors: str

    def document(self):
        return json.loads(self.output)


class Programs:
    """What a build folder holds: the guest's part as a payload, the host tool to run."""

    def __init__(self, build_folder):
        self.build_folder = Path(build_folder).absolute()
        self.tool = self.build_folder / "host" / "frostline"
        if not self.tool.exists():
            raise LabError(f"{self.tool} is missing; build first: ninja -C {build_folder}")

    def payload(self, path, files=()):
        """Writes what the guest gets, see payload.py."""
        write_payload(path, self.build_folder, files)
        return path

    def start_frostline(self, guest, *arguments, monitor=None):
        """Starts the host tool against a guest of the lab; `monitor` replaces its QEMU monitor."""
        argv = [str(self.tool), "--socket", str(guest.agent_socket),
                "--qmp", str(monitor or guest.monitor_socket), *arguments]
        if "snapshot" in arguments:
            argv += ["--lease-dir", str(lease_folder(guest))]
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True,
                                env=dict(os.environ, LC_ALL="C.UTF-8"))

    def frostline(self, guest, *arguments, limit=120):
        """Runs the host tool to its end."""
        return finish(self.start_frostline(guest, *arguments), limit)

    def frostline_ok(self, guest, *arguments, limit=120):
        """The same for a run that must end with status 0."""
        run = self.frostline(guest, *arguments, limit=limit)
        if run.status != 0:
            raise LabError(f"frostline {' '.join(arguments)}: exit status {run.status}\n"
                           f"{tail(run.output + run.errors)}")
        return run


def finish(process, limit):
    """Waits for a started host tool; one that doesn't end is killed, and that is an error."""
    try:
        output, errors = process.communicate(timeout=limit)
    except BaseException as error:
        process.kill()
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise LabError(f"{' '.join(process.args)}: not done after {limit} s") from error
        raise
    return Run(process.returncode, output, errors)


def lease_folder(guest):
    """Where the host tool keeps the leases of this guest."""
    return guest.folder / "lease"


def held_leases(guest):
    """The lease files that some process holds at the moment."""
    held = []
    for path in lease_folder(guest).iterdir():
        with open(path, "rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(path.name)
    return held
