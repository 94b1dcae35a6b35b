#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests so that nothing of them outlives the run, however it ends.

usage: contained.py COMMAND [ARGUMENT]...

As root, the command gets its own processes, mounts, /tmp, /var/tmp and /dev/shm (Linux
namespaces). When it has ended, or this program is told to end, what it left is terminated: agents
and guards thaw what they froze, servers and guests stop. What is still there ten seconds later is
killed; mounts, loop devices and temporary files go with it. Where namespaces can't be had, the
command simply runs. The exit status is the command's, or 128 + the number of the signal.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
PR_SET_PDEATHSIG = 1
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_WORDS = 10  # seconds between being asked to end and being killed

libc = ctypes.CDLL(None, use_errno=True)


def main():
    command = sys.argv[1:]
    if not command:
        print(__doc__.strip(), file=sys.stderr)
        return 64
    # In a plain chroot / is no mount point, so that mounts can't be kept private there.
    if os.geteuid() != 0 or not os.path.ismount("/") or libc.unshare(CLONE_NEWPID) != 0:
        os.execvp(command[0], command)
    scratch = Path(tempfile.mkdtemp(prefix="frostline-tests-", dir="/var/tmp"))
    child = None
    told = []
    for number in ENDINGS:
        signal.signal(number, lambda given, frame: (told.append(given), child and pass_on(child)))
    try:
        child = os.fork()
        if child == 0:
            os._exit(first_process(command, scratch))
        if told:
            pass_on(child)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 128 + told[0] if told else status if status >= 0 else 128 - status


def pass_on(child):
    try:
        os.kill(child, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has just ended


def first_process(command, scratch):
    """Process 1 of the new namespace: runs the command, then sees everything off."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    asked = []
    running = None
    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(1))

    def ask(number, frame):
        asked.append(number)
        signal.alarm(LAST_WORDS)
        if running is not None:
            running.terminate()

    for number in ENDINGS:
        signal.signal(number, ask)
    try:
        private_places(scratch)
        running = subprocess.Popen(command)
        if asked:
            running.terminate()
        status = wait_for(running.pid)
        see_off()
        return status
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{' '.join(command)}: {error}", file=sys.stderr)
        return 127
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def private_places(scratch):
    if libc.unshare(CLONE_NEWNS) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"no mount namespace: {os.strerror(error)}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/dev/shm"], check=True)
    os.environ["FROSTLINE_TEST_RUN"] = "/dev/shm"
    needed = [Path.cwd(), Path(os.environ.get("FROSTLINE_LAB", "/"))]
    for place in ("/tmp", "/var/tmp"):  # the second one holds the scratch folder: it comes last
        kept = place == "/var/tmp" and os.environ.get("FROSTLINE_LAB_KEEP") == "1"
        if kept or any(Path(place) in path.resolve().parents for path in needed):
            continue
        folder = scratch / place.strip("/").replace("/", "-")
        folder.mkdir()
        folder.chmod(0o1777)
        subprocess.run(["mount", "--bind", folder, place], check=True)


def wait_for(pid):
    """The exit status of one child; whatever else ends meanwhile is reaped."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def see_off():
    """Ends what is left; returns when all is gone, or leaves the rest to the kernel."""
    signal.alarm(LAST_WORDS)
    try:
        os.kill(-1, signal.SIGTERM)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main())
