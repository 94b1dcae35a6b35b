#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Databases in containers: Podman runs real servers on this machine's own programs, with their data on
a volume; the hooks reach them by exec and by a socket on a volume."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import database
import harness
from database import run

# A mount namespace of our own with one hierarchy of control groups: the runtime refuses a mix of both.
HERE = "FROSTLINE_TEST_CONTAINERS"


class Runtime:
    """Podman with all its state in one folder, and a program of its name that knows that."""

    def __init__(self, base):
        self.folder = base / "bin"
        self.folder.mkdir()
        self.options = [f"--root={base}/pod/root", f"--runroot={base}/pod/run", f"--tmpdir={base}/pod/tmp",
                        "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"]
        words = " ".join(self.options)
        program = self.folder / "podman"
        program.write_text(f'#!/bin/sh\nexec {shutil.which("podman")} {words} "$@"\n')
        program.chmod(0o755)
        self.path = f"{self.folder}:/usr/sbin:/usr/bin:/sbin:/bin"

    def ask(self, *words, check=True):
        return run(self.folder / "podman", *words, check=check)

    def start(self, name, volumes, *command, user="root"):
        mounts = [f"--volume={outer}:{inner}" for outer, inner in volumes.items()]
        self.ask("run", "--detach", f"--name={name}", f"--user={user}", "--network=none",
                 "--cgroups=disabled", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096", *mounts,
                 "--rootfs", "/:O", *command)

    def logs(self, name):
        done = self.ask("logs", name, check=False)
        return done.stdout + done.stderr

    def end(self, name):
        self.ask("rm", "--force", "--time=0", name, check=False)


class ContainerTest(database.DatabaseTest):
    def setUp(self):
        super().setUp()
        self.runtime = Runtime(self.base)
        self.volume = self.make_volume("ext4")
        self.run_folder = self.base / "run"
        self.run_folder.mkdir()
        self.listing = self.base / "mounts"
        self.listing.write_bytes(bytes(self.volume.mount_point) + b"\0")

    def start(self, volumes, *command, user="root", until=None):
        self.runtime.start("db", volumes, *command, user=user)
        self.addCleanup(self.runtime.end, "db")
        limit = time.monotonic() + 60
        while not until():
            self.assertLess(time.monotonic(), limit, self.runtime.logs("db"))
            time.sleep(0.1)

    def environment(self, name, phase):
        environment = {"PATH": self.runtime.path, "LC_ALL": "C", "HOME": str(self.run_folder),
                       "TMPDIR": str(self.run_folder), "FROSTLINE_TIMEOUT_MS": "10000",
                       f"{name.upper()}_HOOK_CONF": str(self.conf)}
        if phase != "check":
            environment["FROSTLINE_MOUNTS"] = str(self.listing)
        return environment

    def call(self, name, phase):
        return run(database.HOOKS / "programs" / name, phase, check=False,
                   env=self.environment(name, phase))

    def settings(self, **values):
        self.conf.write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    def assert_done(self, done, text=""):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(text, done.stdout)

    def hold(self, name):
        process = subprocess.Popen(
            [str(database.HOOKS / "programs" / name), "hold"], env=self.environment(name, "hold"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)
        self.addCleanup(self.put_away, process)
        while True:
            line = process.stdout.readline()
            if not line:
                self.fail(process.communicate()[1])
            if line == "READY\n":
                return process

    @staticmethod
    def put_away(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()


class Mariadb(ContainerTest):
    hook = ("mariadb", "60-mariadb")

    def setUp(self):
        super().setUp()
        self.data = self.volume.mount_point / "mysql"
        self.data.mkdir()
        self.socket = self.run_folder / "mysqld.sock"
        for folder in (self.data, self.run_folder):
            shutil.chown(folder, "nobody")
        run("mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--user=nobody",
            "--auth-root-authentication-method=socket", "--auth-root-socket-user=root",
            "--skip-test-db", "--innodb-log-file-size=8M", limit=120)
        self.start({self.data: "/var/lib/mysql", self.run_folder: "/run/mysqld"},
                   "mariadbd", "--no-defaults", "--datadir=/var/lib/mysql", "--user=nobody",
                   "--socket=/run/mysqld/mysqld.sock", "--skip-networking",
                   "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M", until=self.is_up)

    def is_up(self):
        return self.ask("SELECT 1").returncode == 0

    def ask(self, statement):
        return run("mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch",
                   "-e", f"SET lock_wait_timeout = 1; {statement}", check=False)

    def assert_holds(self):
        process = self.hold("mariadb")
        self.assertIn("1205", self.ask("CREATE DATABASE probe").stderr)
        output, errors = process.communicate("thaw\n", timeout=20)
        self.assertEqual((process.returncode, errors), (0, ""))
        self.assertIn("still held", output)
        self.assertEqual(self.ask("CREATE DATABASE probe; DROP DATABASE probe").returncode, 0)

    def test_by_exec(self):
        self.settings(CONTAINER="podman db")
        self.assert_done(self.call("mariadb", "check"), "container db: ")
        self.assert_holds()

    def test_by_a_socket_on_a_volume(self):
        self.settings(CONTAINER="podman db", SOCKET=self.socket)
        self.assert_done(self.call("mariadb", "check"), f"{self.socket}: ")
        self.assert_holds()

    def test_a_hook_that_is_killed_leaves_no_lock(self):
        self.settings(CONTAINER="podman db")
        process = self.hold("mariadb")
        os.killpg(process.pid, 9)
        process.wait()
        until = time.monotonic() + 10
        while self.ask("CREATE DATABASE probe").returncode != 0:
            self.assertLess(time.monotonic(), until, "the lock stays")

    def test_it_is_looked_at_only_where_it_is_named(self):
        self.assertEqual(self.call("mariadb", "hold").returncode, 77)
        told = self.call("containers", "freeze")
        self.assertEqual(told.returncode, 1)
        self.assertIn("no hook looks after what runs in a container: mariadbd", told.stderr)
        self.settings(CONTAINER="podman db")
        environment = dict(self.environment("containers", "check"),
                           CONTAINERS_HOOK_CONF=str(self.base / "containers.conf"))
        done = run(database.HOOKS / "programs/containers", "check", check=False, env=environment)
        self.assert_done(done, "a hook looks after it")
        self.settings()
        (self.base / "containers.conf").write_text("IGNORE=redis-server mariadbd\n")
        done = run(database.HOOKS / "programs/containers", "check", check=False, env=environment)
        self.assertEqual(done.returncode, 77, done.stderr)

    def test_one_that_does_not_run_or_is_not_there(self):
        self.settings(CONTAINER="podman other")
        done = self.call("mariadb", "check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the container other: ", done.stderr)
        self.settings(CONTAINER="podman db")
        self.runtime.ask("stop", "--time=0", "db")
        done = self.call("mariadb", "hold")
        self.assertEqual((done.returncode, done.stderr), (77, "the container db does not run\n"))

    def test_another_file_system(self):
        self.settings(CONTAINER="podman db")
        self.listing.write_bytes(b"/proc\0")
        self.assertEqual(self.call("mariadb", "hold").returncode, 77)


class Redis(ContainerTest):
    hook = ("redis", "60-redis")

    def start_redis(self, volumes, folder):
        links = self.base / "links"
        links.mkdir()
        (links / "redis-server").symlink_to("/usr/bin/redis-check-rdb")
        shutil.chown(self.run_folder, "nobody")
        self.socket = self.run_folder / "redis.sock"
        self.start({links: "/opt", self.run_folder: "/run/redis", **volumes}, "/opt/redis-server",
                   "--dir", folder, "--unixsocket", "/run/redis/redis.sock", "--unixsocketperm", "777",
                   "--save", "3600 1", until=self.socket.exists)

    def ask(self, *words):
        return run("redis-cli", "-s", self.socket, *words).stdout.strip()

    def assert_pauses_and_saves(self):
        self.ask("SET", "key", "value")
        self.assert_done(self.call("redis", "freeze"), "saved")
        self.assertEqual(self.ask("GET", "key"), "value")
        writer = subprocess.Popen(["redis-cli", "-s", str(self.socket), "SET", "key", "later"],
                                  stdout=subprocess.PIPE)
        with self.assertRaises(subprocess.TimeoutExpired):
            writer.communicate(timeout=0.5)
        self.assert_done(self.call("redis", "thaw"))
        self.assertEqual(writer.communicate(timeout=5)[0], b"OK\n")

    def test_by_exec(self):
        self.start_redis({self.volume.mount_point: "/data"}, "/data")
        self.settings(CONTAINER="podman db")
        self.assert_done(self.call("redis", "check"))
        self.assert_pauses_and_saves()
        self.assertTrue((self.volume.mount_point / "dump.rdb").exists())

    def test_by_a_socket_on_a_volume(self):
        self.start_redis({self.volume.mount_point: "/data"}, "/data")
        self.settings(CONTAINER="podman db", INSTANCES=self.socket)
        self.assert_pauses_and_saves()

    def test_files_in_the_containers_own_layer(self):
        self.start_redis({}, "/srv")
        self.settings(CONTAINER="podman db")
        self.assertEqual(self.call("redis", "freeze").returncode, 77)
        # Which lies where the runtime has its state.
        self.listing.write_bytes(run("stat", "-c", "%m", self.base).stdout.strip().encode() + b"\0")
        self.assert_pauses_and_saves()


class Postgresql(ContainerTest):
    hook = ("postgresql", "20-postgresql")

    def test_by_exec(self):
        binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        data = self.volume.mount_point / "cluster"
        data.mkdir()
        user = pwd.getpwnam("postgres")
        for folder in (data, self.run_folder):
            os.chown(folder, user.pw_uid, user.pw_gid)
        run(binaries / "initdb", "-A", "peer", "-N", "-D", data, user=user.pw_uid, group=user.pw_gid,
            extra_groups=[], cwd="/")
        self.start({data: "/var/lib/data", self.run_folder: "/var/run/postgresql"},
                   binaries / "postgres", "-D", "/var/lib/data", "-c", "listen_addresses=",
                   user="postgres", until=(self.run_folder / ".s.PGSQL.5432").exists)
        self.settings(CONTAINER="podman db")
        # It may still be starting: then the hook fails, as it must.
        harness.wait_for(lambda: self.call("postgresql", "check").returncode == 0, "PostgreSQL", 30)
        self.assert_done(self.call("postgresql", "freeze"), "container db: checkpoint done in")
        self.listing.write_bytes(b"/proc\0")
        self.assertEqual(self.call("postgresql", "freeze").returncode, 77)


def main():
    database.need("podman", "crun", "mariadbd", "mariadb-install-db", "redis-check-rdb", "psql")
    if HERE not in os.environ:
        os.environ[HERE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation=private", "sh", "-c",
                              "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup;"
                              ' exec "$@"', "sh", sys.executable, *sys.argv])
    base = pathlib.Path(tempfile.mkdtemp(prefix="frostline-probe-", dir="/dev/shm"))
    try:
        runtime = Runtime(base)
        runtime.start("probe", {}, "true")
        runtime.end("probe")
    except subprocess.CalledProcessError as error:
        print(f"skipped: this machine cannot run a container: {error.stderr}")
        sys.exit(77)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    unittest.main(verbosity=2, argv=sys.argv[:1])


if __name__ == "__main__":
    main()
