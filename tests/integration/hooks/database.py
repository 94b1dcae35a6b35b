# SPDX-License-Identifier: Apache-2.0
"""What the tests of shipped hooks against real servers share: a file system of the server's own,
the real agent that freezes it, and a copy of its image taken while it is frozen."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import harness  # noqa: E402

HOOKS = pathlib.Path(__file__).resolve().parents[3] / "hooks.d"


def run(*command, check=True, limit=60, **options):
    return subprocess.run([str(word) for word in command], check=check, capture_output=True,
                          text=True, timeout=limit, **options)


def need(*programs):
    """Ends the test's process as skipped (or failed, in CI) where a server isn't installed."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (tests/install-deps)")
        sys.exit(1 if os.environ.get("CI") else 77)
    harness.need_root()
    harness.need_loop_devices()


class Volume:
    """A file system on a loop device; its image can be exchanged for a copy of an earlier moment."""

    def __init__(self, base, kind, name="data"):
        self.mount_point = base / name
        self.image = base / f"{name}-image"
        self.copy = base / f"{name}-copy"
        self.mount_point.mkdir()
        with open(self.image, "wb") as file:
            file.truncate((320 if kind == "xfs" else 192) << 20)
        run(f"mkfs.{kind}", "-q", self.image)
        self.mount(self.image)

    def mount(self, image):
        run("mount", "-o", "loop", image, self.mount_point)

    def take_copy(self):
        run("cp", "--reflink=auto", "--sparse=always", self.image, self.copy)

    def exchange(self):
        """Mounts the copy in the image's place; whatever used the file system has ended."""
        self.close()
        self.mount(self.copy)

    def close(self):
        run("fsfreeze", "-u", self.mount_point, check=False)
        run("umount", "-l", self.mount_point, check=False)


class Writer(threading.Thread):
    """Has a client write one row after the other, and remembers when each was acknowledged.

    `write` writes the row of that name and returns when the server has acknowledged it; it raises
    when the server is gone.
    """

    def __init__(self, name, write, close):
        super().__init__(daemon=True)
        self.name = name
        self.acknowledged = {}
        self.longest = 0.0
        self._write = write
        self._close = close
        self._end = False
        self.start()

    def run(self):
        number = 0
        while not self._end:
            number += 1
            row = f"{self.name}-{number}"
            began = time.monotonic()
            try:
                self._write(row)
            except (OSError, EOFError, ValueError):
                return  # the server was killed, or the test is over
            done = time.monotonic()
            self.acknowledged[row] = done
            self.longest = max(self.longest, done - began)
            time.sleep(0.0005)

    def stop(self):
        self._end = True
        self.join(30)
        self._close()


class DatabaseTest(unittest.TestCase):
    """One server with its data on a volume, one agent, and the hook as it is shipped."""

    hook = None  # (name of the program, of the hook file)

    def setUp(self):
        # Where nothing that is frozen can reach, and the way to it belongs to root.
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="frostline-hook-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.base.chmod(0o755)
        self.conf = self.base / "hook.conf"
        self.conf.write_text("", encoding="ascii")
        self.agent = None

    def make_volume(self, kind, name="data"):
        volume = Volume(self.base, kind, name)
        self.addCleanup(volume.close)
        return volume

    def start_agent(self, with_hook=True, hook=None):
        """The agent; its hook reads self.conf."""
        folder, name = hook or self.hook
        agent = harness.Agent(str(self.base / "agent"), start=False)
        self.addCleanup(agent.stop)
        if with_hook:
            program = self.base / folder
            for file in (HOOKS / "programs" / folder, *(HOOKS / "programs").glob("*.sh")):
                shutil.copy(file, self.base)
            text = (HOOKS / f"{name}.hook").read_text(encoding="ascii")
            text = text.replace(f"/usr/lib/frostline/hooks/{folder}", str(program))
            text = text.replace(f"/etc/frostline/hooks/{folder}.conf", str(self.conf))
            path = pathlib.Path(agent.hooks) / f"{name}.hook"
            variable = f"{folder.upper().replace('-', '_')}_HOOK_CONF"
            path.write_text(f"{text}Environment={variable}={self.conf}\n", encoding="ascii")
            path.chmod(0o644)
        agent.start()
        return agent

    def snapshot(self, volume, agent):
        """Freeze, copy, thaw: the report of the thaw, and when the freeze was asked for."""
        with harness.Connection(agent.socket) as host:
            before = time.monotonic()
            host.value("frostline-freeze",
                       {"mountpoints": [str(volume.mount_point)], "deadline-ms": 30000}, 60)
            try:
                volume.take_copy()
            finally:
                report = host.value("frostline-thaw", timeout=60)
        self.assertEqual([row["result"] for row in report["filesystems"]], ["frozen"], report)
        for row in report["hooks"]:
            print(f"{row['name']} {row['phase']}: {row['duration-us'] / 1000:.0f} ms", flush=True)
        return report, before

    def wait_for(self, writers, rows, limit=60):
        """Waits until each has written so many; they are stopped at the end of the test."""
        for writer in writers:
            self.addCleanup(writer.stop)
        until = time.monotonic() + limit
        while any(len(writer.acknowledged) < rows for writer in writers):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        return writers

    def end(self, writers, title):
        """All of them go on after the thaw; then they stop, and their longest wait is shown."""
        counts = [len(writer.acknowledged) for writer in writers]
        time.sleep(0.5)
        for writer, count in zip(writers, counts):
            self.assertGreater(len(writer.acknowledged), count, "a writer did not go on")
            writer.stop()
        longest = max(writer.longest for writer in writers)
        print(f"{title}: longest wait of a writer {longest * 1000:.0f} ms", flush=True)

    def results(self, report):
        return {(row["phase"], row["result"]) for row in report["hooks"]}
