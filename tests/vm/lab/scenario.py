# SPDX-License-Identifier: Apache-2.0
"""The way from a guest that works to a second one made from its snapshot.

The demo tells it, and the tests look at each step of it.
"""

import datetime
import json
import time
from pathlib import Path

from . import image as lab_image
from . import verify
from .guest import Guest, make_disks
from .run import LabError, tail
from .snapshot import active_file

SNAPSHOT = "demo"


class Scenario:
    """Holds the guests; `folder` is a private one for everything that lives as long as this."""

    def __init__(self, folder, programs, say=lambda text: None):
        self.folder = Path(folder)
        self.programs = programs
        self.image = lab_image.prepare(say)
        self.first = None
        self.second = None
        self.snapshot_disks = {}  # the images that hold the snapshot

    def start_first(self):
        """Starts the guest with the agent under test; returns when that has opened its port."""
        folder = self._folder("first")
        payload = self.programs.payload(folder / "payload.cpio")
        self.first = Guest(self.image, folder, make_disks(folder, self.image.disks), payload)
        self.first.start()
        self.first.wait_agent()
        self.first.wait_shell()

    def take_snapshot(self):
        """Takes the snapshot with the host tool. Returns (its run, the stored description)."""
        self.snapshot_disks = {disk: active_file(self.first, disk) for disk in self.first.disks}
        self._clock = guest_clock(self.first.shell)
        self._asked = time.monotonic()
        run = self.programs.frostline(self.first, "snapshot", "--overlay", "--name", SNAPSHOT)
        if run.status != 0:
            raise LabError(f"frostline snapshot: exit status {run.status}\n"
                           f"{tail(run.output + run.errors, 40)}")
        return run, self.description()

    def description(self):
        """What the host tool stored beside the snapshot."""
        path = self.first.folder / f"{SNAPSHOT}.frostline.json"
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise LabError(f"the snapshot's description: {error}") from error

    def acknowledged(self, report):
        """By client, the last record acknowledged before the first file system froze.

        Takes the host's time of the freeze from the guest's report, a little early rather than
        late: 100 ms for how exactly the two clocks were compared.
        """
        start = next(phase["start-us"] for phase in report["phases"] if phase["name"] == "freeze")
        frozen_at = seconds(report["started"]) + start / 1e6 - self._clock - 0.1
        return self.first.acks.highest(before=max(frozen_at, self._asked))

    def stop_first(self):
        """Cuts the first guest's power; its overlays are of no more interest."""
        self.first.stop()

    def start_second(self):
        """Starts a guest from the snapshot alone, copy-on-write, without the agent."""
        folder = self._folder("second")
        self.second = Guest(self.image, folder, make_disks(folder, self.snapshot_disks))
        self.second.start()
        self.second.wait_shell()

    def look_at_disks(self):
        """Findings about the snapshot's file systems before anything has mounted them."""
        folder = self._folder("copies")
        copies = verify.flatten(self.snapshot_disks, folder)
        try:
            return verify.journals(copies)
        finally:
            for copy in copies.values():
                copy.unlink()

    def look_inside(self, acknowledged):
        """Findings in the second guest; its databases are stopped afterwards."""
        shell = self.second.shell
        yield verify.database_start(shell)
        yield verify.kernel_mounts(shell)
        yield verify.records(shell, acknowledged)
        yield verify.database_content(shell)
        yield from verify.deep_checks(shell)

    def close(self):
        for guest in (self.first, self.second):
            if guest is not None:
                guest.stop()

    def console_tail(self):
        """For an error message: what the guests printed last."""
        return "\n".join(guest.console_tail() for guest in (self.first, self.second)
                         if guest is not None).strip()

    def _folder(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder


def guest_clock(shell):
    """How far the guest's clock (seconds since 1970) is ahead of the host's time.monotonic()."""
    best = None
    for _ in range(5):
        before = time.monotonic()
        there = float(shell.check("date +%s.%N"))
        after = time.monotonic()
        if best is None or after - before < best[0]:
            best = (after - before, there - (before + after) / 2)
    return best[1]


def seconds(timestamp):
    """A report's time in seconds since 1970."""
    return datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
