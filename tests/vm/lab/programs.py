# SPDX-License-Identifier: Apache-2.0
"""The programs under test, in a meson build folder."""

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

    def frostline(self, guest, *arguments, limit=120):
        """Runs the host tool against a guest of the lab."""
        argv = [str(self.tool), "--socket", str(guest.agent_socket),
                "--qmp", str(guest.monitor_socket), *arguments]
        if arguments[0] == "snapshot" or "snapshot" in arguments:
            argv += ["--lease-dir", str(guest.folder / "lease")]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=limit, check=False, text=True,
                                  env=dict(os.environ, LC_ALL="C.UTF-8"))
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{' '.join(argv)}: not done after {limit} s") from error
        return Run(done.returncode, done.stdout, done.stderr)

    def frostline_ok(self, guest, *arguments, limit=120):
        """The same for a run that must end with status 0."""
        run = self.frostline(guest, *arguments, limit=limit)
        if run.status != 0:
            raise LabError(f"frostline {' '.join(arguments)}: exit status {run.status}\n"
                           f"{tail(run.output + run.errors)}")
        return run
