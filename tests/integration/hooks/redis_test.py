#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Redis hook with a real server that several clients write to, frozen by the real agent.

A copy of the file system taken in the freeze holds every write that was acknowledged before it.
"""

import shutil
import socket
import subprocess
import sys
import time
import unittest

import database
import harness
from database import run

CLIENTS = 4
USER = "nobody"
# One program that goes by several names. By this one it comes without a service that starts at boot.
SERVER = "redis-check-rdb"


class Client:
    """A connection that speaks the server's protocol, as far as these tests need it."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        request = f"*{len(words)}\r\n"
        for word in words:
            request += f"${len(str(word))}\r\n{word}\r\n"
        self.socket.sendall(request.encode())
        return self._answer()

    def _answer(self):
        line = self.file.readline().decode().rstrip("\r\n")
        if not line:
            raise EOFError("the server is gone")
        kind, rest = line[0], line[1:]
        if kind == "$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == "*":
            return [self._answer() for _ in range(int(rest))]
        if kind == "-":
            raise RuntimeError(rest)
        return rest

    def close(self):
        self.file.close()
        self.socket.close()


class RedisTest(database.DatabaseTest):
    hook = ("redis", "60-redis")

    def start_server(self, volume, *options):
        """A server with its files on the volume, run by a user of little rights."""
        run_folder = self.base / "run"
        run_folder.mkdir(exist_ok=True)
        self.socket = run_folder / "redis.sock"
        program = run_folder / "redis-server"
        if not program.exists():
            program.symlink_to(shutil.which(SERVER))
        log = open(run_folder / "log", "wb")
        self.addCleanup(log.close)
        for folder in (run_folder, volume.mount_point):
            shutil.chown(folder, USER)
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm",
             "777", "--dir", str(volume.mount_point), *options],
            executable=program, user=USER, stdout=log, stderr=log)
        self.addCleanup(self.kill_server)
        until = time.monotonic() + 30
        while not self.is_up():
            self.assertLess(time.monotonic(), until, "redis-server does not start")
            self.assertIsNone(self.server.poll(), (run_folder / "log").read_text())
            time.sleep(0.02)
        return self.client()

    def client(self, timeout=30):
        client = Client(self.socket, timeout)
        self.addCleanup(client.close)
        return client

    def is_up(self):
        try:
            return "\nloading:0" in self.client().ask("INFO", "persistence")
        except RuntimeError as error:
            return "NOAUTH" in str(error)
        except (OSError, EOFError):
            return False

    def kill_server(self):
        if self.server.poll() is None:
            self.server.kill()
            self.server.wait()


class Snapshots(RedisTest):
    def writer(self, number):
        client = Client(self.socket)
        return database.Writer(f"w{number}", lambda row: client.ask("SET", row, 1), client.close)

    def write(self):
        return self.wait_for([self.writer(number) for number in range(CLIENTS)], 200)

    def go_through(self, kind, options, with_hook=True):
        """Snapshot under load, then a server on the copy: the report and how many keys are lost."""
        volume = self.make_volume(kind)
        self.start_server(volume, *options)
        agent = self.start_agent(with_hook)
        writers = self.write()
        report, asked = self.snapshot(volume, agent)
        self.end(writers, f"{kind} {' '.join(options)}")
        self.kill_server()
        volume.exchange()
        keys = set(self.start_server(volume, *options).ask("KEYS", "*"))
        wanted = {key for writer in writers
                  for key, when in writer.acknowledged.items() if when < asked}
        self.assertGreater(len(wanted), CLIENTS * 200 - 1)
        return report, len(wanted - keys)

    def test_append_only_file(self):
        for kind in ("ext4", "xfs"):
            with self.subTest(kind=kind):
                self.setUp()
                report, lost = self.go_through(kind, ["--appendonly", "yes", "--save", ""])
                self.assertEqual(lost, 0)
                self.assertEqual(self.results(report), {("freeze", "done"), ("thaw", "done")})
                self.doCleanups()

    def test_dump_file_only(self):
        for kind in ("ext4", "xfs"):
            with self.subTest(kind=kind):
                self.setUp()
                report, lost = self.go_through(kind, ["--save", "3600 1"])
                self.assertEqual(lost, 0)
                self.assertEqual(report["outcome"], "consistent")
                self.doCleanups()

    def test_dump_file_only_without_the_hook_loses_all(self):
        _, lost = self.go_through("ext4", ["--save", "3600 1"], with_hook=False)
        self.assertGreater(lost, 0)

    def test_reads_go_on_while_frozen(self):
        volume = self.make_volume("ext4")
        client = self.start_server(volume, "--appendonly", "yes")
        client.ask("SET", "key", "value")
        agent = self.start_agent()
        writers = self.write()
        with harness.Connection(agent.socket) as host:
            host.value("frostline-freeze",
                       {"mountpoints": [str(volume.mount_point)], "deadline-ms": 20000}, 60)
            began = time.monotonic()
            for _ in range(20):
                self.assertEqual(client.ask("GET", "key"), "value")
            self.assertLess(time.monotonic() - began, 5)
            counts = [len(writer.acknowledged) for writer in writers]
            time.sleep(0.3)
            self.assertEqual([len(writer.acknowledged) for writer in writers], counts)
            host.value("frostline-thaw", timeout=60)
        time.sleep(0.3)
        self.assertTrue(all(len(writer.acknowledged) > count
                            for writer, count in zip(writers, counts)))

    def test_a_server_that_is_killed_while_frozen(self):
        volume = self.make_volume("ext4")
        self.start_server(volume, "--appendonly", "yes")
        agent = self.start_agent()
        with harness.Connection(agent.socket) as host:
            host.value("frostline-freeze",
                       {"mountpoints": [str(volume.mount_point)], "deadline-ms": 20000}, 60)
            self.server.kill()
            report = host.value("frostline-thaw", timeout=60)
            self.assertNotIn("owed-hooks", host.value("frostline-status"))
        self.assertEqual(report["outcome"], "consistent")
        self.assertIn(("thaw", "skipped"), self.results(report))


class Calls(RedisTest):
    """The hook by itself; nothing is frozen."""

    def setUp(self):
        super().setUp()
        self.volume = self.make_volume("ext4")
        self.listing = self.base / "mounts"
        self.listing.write_bytes(bytes(self.volume.mount_point) + b"\0")

    def call(self, phase, timeout_ms=10000):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/",
                       "FROSTLINE_TIMEOUT_MS": str(timeout_ms), "REDIS_HOOK_CONF": str(self.conf)}
        if phase != "check":
            environment["FROSTLINE_MOUNTS"] = str(self.listing)
        return run(database.HOOKS / "programs/redis", phase, check=False, env=environment)

    def settings(self, **values):
        self.conf.write_text("# test\n\n" + "".join(f"{key}={value}\n"
                                                    for key, value in values.items()),
                             encoding="ascii")

    def is_paused(self):
        """Whether a write waits."""
        try:
            self.client(timeout=0.5).ask("SET", "probe", "1")
            return False
        except TimeoutError:
            return True

    def test_nothing_runs(self):
        for phase in ("check", "freeze", "thaw"):
            self.assertEqual(self.call(phase).returncode, 77, phase)

    def test_a_server_on_other_file_systems_is_left_alone(self):
        self.start_server(self.volume)
        self.listing.write_bytes(b"/proc\0")
        done = self.call("freeze")
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertFalse(self.is_paused())

    def test_pause_and_unpause(self):
        self.start_server(self.volume, "--appendonly", "yes")
        done = self.call("freeze")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.is_paused())
        for _ in range(2):  # also without a freeze before it
            self.assertEqual(self.call("thaw").returncode, 0)
            self.assertFalse(self.is_paused())

    def test_the_pause_ends_by_itself(self):
        client = self.start_server(self.volume, "--appendonly", "yes")
        self.settings(PAUSE_SECONDS=2)
        self.assertEqual(self.call("freeze").returncode, 0)
        self.assertTrue(self.is_paused())
        self.assertEqual(client.ask("SET", "a", "b"), "OK")

    def test_a_cache_is_not_saved(self):
        self.start_server(self.volume, "--save", "")
        done = self.call("freeze")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("saves nothing", done.stdout)
        self.assertEqual(list(self.volume.mount_point.glob("*.rdb")), [])
        self.call("thaw")

    def test_a_save_that_fails_fails_the_freeze_and_pauses_nobody(self):
        client = self.start_server(self.volume, "--save", "3600 1",
                                   "--stop-writes-on-bgsave-error", "no")
        client.ask("SET", "a", "b")
        with open(self.volume.mount_point / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(b"x" * (1 << 20))
            except OSError:
                pass  # the disk is full
        client.ask("SET", "b", "y" * (1 << 20))
        done = self.call("freeze")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("the save failed", done.stderr.splitlines()[-1])
        self.assertFalse(self.is_paused())

    def test_a_password(self):
        client = self.start_server(self.volume, "--requirepass", "secret")
        done = self.call("freeze")
        self.assertEqual(done.returncode, 1)
        self.assertIn("USER and PASSWORD_FILE", done.stderr.splitlines()[-1])
        self.assertEqual(self.call("check").returncode, 1)
        client.ask("AUTH", "secret")
        client.ask("ACL", "SETUSER", "frostline", "on", ">only this", "-@all", "+ping", "+info",
                   "+client|pause", "+client|unpause", "+bgsave")
        password = self.base / "password"
        password.write_text("only this\n", encoding="ascii")
        self.settings(USER="frostline", PASSWORD_FILE=password)
        password.chmod(0o644)
        self.assertIn("chmod 600", self.call("check").stderr)
        password.chmod(0o600)
        for phase in ("check", "freeze", "thaw"):
            done = self.call(phase)
            self.assertEqual(done.returncode, 0, phase + done.stderr)

    def test_a_server_that_stands_still_is_given_up_in_time(self):
        self.start_server(self.volume)
        self.server.send_signal(19)  # SIGSTOP
        began = time.monotonic()
        done = self.call("freeze", timeout_ms=3500)
        self.assertEqual(done.returncode, 1)
        self.assertLess(time.monotonic() - began, 3.4)
        self.assertIn("no answer", done.stderr.splitlines()[-1])

    def test_settings_are_checked(self):
        self.start_server(self.volume)
        for line in ("PAUSE_SECONDS=0", "NONSENSE=1", "SAVE=maybe"):
            self.conf.write_text(line + "\n", encoding="ascii")
            done = self.call("check")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"hook.conf:1: '{line}'", done.stderr)

    def test_the_example_is_what_holds_without_one(self):
        shutil.copy(database.HOOKS / "settings/redis.conf.example", self.conf)
        self.start_server(self.volume)
        done = self.call("check")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    database.need(SERVER, "redis-cli")
    unittest.main(verbosity=2, argv=sys.argv[:1])
