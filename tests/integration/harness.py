# SPDX-License-Identifier: Apache-2.0
"""Starts the real agent on a socket, with directories of its own, and talks to it.

Everything that is frozen lies on loop mounts made here. The agent's own default, all file systems,
is never asked for.
"""

import functools
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

AGENT = os.path.abspath(os.environ.get("FROSTLINE_AGENT", "build/agent/frostline-agent"))
GUARD = os.path.abspath(os.environ.get("FROSTLINE_GUARD", "build/guard/frostline-guard"))


def need_root():
    """Not being root is a reason to skip by hand, and a failure where all has to be tested."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        sys.exit("these tests need root, and CI is set")
    print("skipped: needs root to freeze file systems and to own hook files")
    sys.exit(77)


def need_loop_devices():
    if not os.path.exists("/dev/loop-control"):
        print("skipped: needs loop devices; this machine has no /dev/loop-control")
        sys.exit(77)


class Connection:
    """One connection to the agent; replies come line by line."""

    def __init__(self, path, timeout=10.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def read_line(self, timeout=10.0):
        """The next line without its line feed; None at the end of the connection."""
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no reply within %.1f s; so far %r" % (timeout, self.buffer))
            self.socket.settimeout(left)
            try:
                got = self.socket.recv(1 << 20)
            except socket.timeout as error:
                raise TimeoutError("no reply within %.1f s" % timeout) from error
            except ConnectionResetError:
                return None
            if not got:
                return None
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def read(self, timeout=10.0):
        line = self.read_line(timeout)
        if line is None:
            raise EOFError("the agent closed the connection")
        return json.loads(line)

    def silent(self, seconds):
        """Whether nothing comes for so long."""
        if self.buffer:
            return False
        return not select.select([self.socket], [], [], seconds)[0]

    def ask(self, command, arguments=None, timeout=10.0, **more):
        request = dict(more, execute=command)
        if arguments is not None:
            request["arguments"] = arguments
        self.send(json.dumps(request) + "\n")
        return self.read(timeout)

    def value(self, command, arguments=None, timeout=10.0):
        reply = self.ask(command, arguments, timeout)
        if "return" not in reply:
            raise AssertionError("%s failed: %s" % (command, reply))
        return reply["return"]


class Agent:
    """A running agent."""

    def __init__(self, directory, *options, start=True):
        self.directory = directory
        self.socket = os.path.join(directory, "channel.sock")
        self.run = os.path.join(directory, "run")
        self.hooks = os.path.join(directory, "hooks.d")
        self.log = os.path.join(directory, "agent.log")
        self.config = os.path.join(directory, "agent.conf")
        os.makedirs(self.hooks, mode=0o755, exist_ok=True)
        if not os.path.exists(self.config):
            self.configure("")
        self.options = list(options)
        self.guard = GUARD
        # Not below the directory: a working directory on a frozen file system is no good idea.
        self.folder = "/"
        self.process = None
        if start:
            self.start()

    def configure(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def command(self, *more):
        return [AGENT, "-m", "unix-listen", "-p", self.socket, "-t", self.run, "-l", self.log,
                "-c", self.config, "--hooks-dir", self.hooks, "--guard-program", self.guard,
                *self.options, *more]

    def start(self, before=None):
        """`before` runs in the child before the agent does."""
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.process = subprocess.Popen(self.command(), cwd=self.folder, stdin=subprocess.DEVNULL,
                                        preexec_fn=before)
        wait_for(lambda: self.process.poll() is not None or can_connect(self.socket),
                 "the agent's socket")
        if self.process.poll() is not None:
            raise AssertionError("the agent ended at once: %s\n%s" % (
                self.process.returncode, self.log_text()))

    def connect(self, timeout=10.0):
        return Connection(self.socket, timeout)

    def control(self):
        return Connection(os.path.join(self.run, "control.sock"))

    def stop(self, number=signal.SIGTERM, timeout=20.0):
        """The exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.process = None
        return status

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def guards(self):
        """Process ids of this agent's guard, if it has one."""
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(path, encoding="ascii") as file:
            return [int(pid) for pid in file.read().split() if command_name(int(pid)) ==
                    "frostline-guard"]

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))

    def children(self):
        """Of all its threads: the kernel lists a process under the thread that has forked it."""
        found = []
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            try:
                with open("/proc/%d/task/%s/children" % (self.process.pid, task),
                          encoding="ascii") as file:
                    found += file.read().split()
            except FileNotFoundError:
                pass  # a thread that has just ended
        return found

    def run_files(self):
        """What is left in the run directory, but for the folders of hooks, which stay."""
        found = []
        for folder, _, files in os.walk(self.run):
            found += [os.path.relpath(os.path.join(folder, name), self.run) for name in files]
        return sorted(name for name in found if name != "control.sock")

    def memory(self):
        """Resident bytes."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def hook(self, name, script, mode=0o755):
        """A shell script as a hook file, or a key file when the name says so."""
        path = os.path.join(self.hooks, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(script if name.endswith(".hook") else "#!/bin/sh\n" + script)
        os.chmod(path, 0o644 if name.endswith(".hook") else mode)
        return path


def command_name(pid):
    """Of a process, cut to 15 characters by the kernel; empty when it has gone."""
    try:
        with open("/proc/%d/comm" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def alive(pid):
    """Whether a process runs; one that only waits to be waited for does not."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@functools.lru_cache(maxsize=None)
def sanitized():
    """Whether the agent is built with the address sanitizer."""
    with open(AGENT, "rb") as file:
        return b"__asan_init" in file.read()


def can_connect(path):
    """Whether somebody listens, without taking a connection."""
    try:
        with open("/proc/net/unix", encoding="ascii", errors="replace") as file:
            return any(line.rstrip("\n").endswith(" " + path) and " 00010000 " in line
                       for line in file)
    except OSError:
        return os.path.exists(path)


def wait_for(condition, what, timeout=10.0):
    """Waits for something that has no descriptor to wait on."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("waited %.1f s for %s" % (timeout, what))
        select.select([], [], [], 0.01)


def on_tmpfs(path):
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return any(line.split()[1] == path and line.split()[2] == "tmpfs" for line in file)


class LoopMount:
    """A file system in an image of its own."""

    SIZES = {"ext4": 64, "xfs": 320, "btrfs": 128}

    def __init__(self, directory, kind):
        self.kind = kind
        self.image = os.path.join(directory, kind + ".img")
        self.path = os.path.join(directory, "mnt-" + kind)
        self.mounted = False

    def __enter__(self):
        if shutil.which("mkfs." + self.kind) is None:
            raise unittest.SkipTest("no mkfs.%s" % self.kind)
        with open(self.image, "wb") as file:
            file.truncate(self.SIZES[self.kind] << 20)
        subprocess.run(["mkfs." + self.kind, self.image], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.makedirs(self.path, exist_ok=True)
        done = subprocess.run(["mount", "-o", "loop", self.image, self.path], check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            if os.environ.get("CI") and os.path.exists("/dev/loop-control"):
                raise AssertionError("cannot mount %s: %s" % (self.kind, done.stderr.strip()))
            raise unittest.SkipTest("cannot mount %s: %s" % (self.kind, done.stderr.strip()))
        self.mounted = True
        return self

    def thaw(self):
        subprocess.run(["fsfreeze", "-u", self.path], check=False, stderr=subprocess.DEVNULL)

    def __exit__(self, *unused):
        if self.mounted:
            self.thaw()
            # The guard ends a moment after the thaw's reply, and holds its descriptors until then.
            wait_for(lambda: subprocess.run(["umount", self.path], check=False,
                                            stderr=subprocess.DEVNULL).returncode == 0,
                     "umount " + self.path)
            self.mounted = False

    def writer(self):
        """A process that writes one file and syncs it; it waits while the file system is frozen."""
        target = os.path.join(self.path, "written")
        return subprocess.Popen(
            [sys.executable, "-c",
             "import os,sys\nprint('go', flush=True)\n"
             "f=open(sys.argv[1],'w'); f.write('x'); f.flush(); os.fsync(f.fileno())", target],
            stdout=subprocess.PIPE, cwd="/")

    def frozen(self):
        """Whether a write waits: its process is in the kernel after half a second."""
        writer = self.writer()
        writer.stdout.readline()
        try:
            writer.wait(0.5)
            return False, writer
        except subprocess.TimeoutExpired:
            return True, writer


class AgentTest(unittest.TestCase):
    """Gives each test a directory on tmpfs and an agent there."""

    options = ()
    config = ""

    def setUp(self):
        need_root()
        # On tmpfs, like a real run directory: it must not be frozen itself.
        base = os.environ.get("FROSTLINE_TEST_RUN") or (
            "/run" if on_tmpfs("/run") else "/dev/shm")
        self.directory = tempfile.mkdtemp(prefix="frostline-test-", dir=base)
        os.chmod(self.directory, os.stat(self.directory).st_mode | stat.S_IXOTH | stat.S_IROTH)
        self.agent = Agent(self.directory, *self.options, start=False)
        self.agent.configure(self.config)
        self.mounts = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        try:
            self.agent.stop()
        finally:
            for mount in reversed(self.mounts):
                mount.__exit__()
            if self.failed():
                sys.stderr.write("--- log of the agent\n" + self.agent.log_text()[-8000:])
            shutil.rmtree(self.directory, ignore_errors=True)

    def failed(self):
        result = getattr(self._outcome, "result", None)
        return bool(result) and any(
            case is self for case, _ in list(result.failures) + list(result.errors))

    def start(self):
        self.agent.start()
        connection = self.agent.connect()
        self.addCleanup(connection.close)
        return connection

    def start_in_work_folder(self):
        """As start(), with a folder for the test's files in which the agent runs: self.work."""
        self.work = os.path.join(self.directory, "work")
        os.mkdir(self.work)
        self.agent.folder = self.work
        return self.start()

    def mount(self, kind):
        mount = LoopMount(self.directory, kind)
        mount.__enter__()
        self.mounts.append(mount)
        return mount

    def assert_memory_below(self, mebibytes):
        """Of resident memory. Says nothing of an agent built with a sanitizer, which keeps more."""
        if not sanitized():
            self.assertLess(self.agent.memory() >> 20, mebibytes)

    def assert_error(self, reply, text, error_class="GenericError"):
        self.assertIn("error", reply)
        self.assertEqual(reply["error"]["class"], error_class)
        self.assertIn(text, reply["error"]["desc"])


def main():
    need_root()
    unittest.main(verbosity=2)
