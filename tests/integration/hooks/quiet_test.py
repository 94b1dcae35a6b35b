#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hooks that hold nothing: etcd and InfluxDB with real servers that several clients write to,
RabbitMQ and memcached as processes of that name.

A copy of the file system taken in the freeze holds every write that was acknowledged before it.
"""

import base64
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import database
import harness
from database import run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

import debian_package  # noqa: E402

CLIENTS = 4
USER = "nobody"


def call_hook(name, phase, listing=None):
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/"}
    if listing:
        environment["FROSTLINE_MOUNTS"] = str(listing)
    return run(database.HOOKS / "programs" / name, phase, check=False, env=environment)


class Served(database.DatabaseTest):
    """A server that is asked by HTTP, with its files on a volume."""

    package = None
    program = None
    port = 0

    @classmethod
    def setUpClass(cls):
        cls.packages = pathlib.Path(tempfile.mkdtemp(prefix="frostline-packages-"))
        cls.addClassCleanup(shutil.rmtree, cls.packages, ignore_errors=True)
        cls.root = debian_package.unpacked(str(cls.packages), cls.package)

    def command(self, data):
        raise NotImplementedError

    def start_server(self, volume):
        run_folder = self.base / "run"
        run_folder.mkdir(exist_ok=True)
        for folder in (run_folder, volume.mount_point):
            shutil.chown(folder, USER)
        programs = self.base / "server"
        programs.mkdir(exist_ok=True)
        program = programs / pathlib.Path(self.program).name
        shutil.copy(f"{self.root}/{self.program}", program)
        log = open(run_folder / "log", "ab")
        self.addCleanup(log.close)
        self.server = subprocess.Popen([program, *self.command(volume.mount_point)], user=USER,
                                       stdout=log, stderr=log, cwd=run_folder, env={"HOME": "/"})
        self.addCleanup(self.kill_server)
        until = time.monotonic() + 60
        while not self.is_up():
            self.assertLess(time.monotonic(), until, "the server does not start")
            self.assertIsNone(self.server.poll(), (run_folder / "log").read_text()[-3000:])
            time.sleep(0.05)

    def kill_server(self):
        if self.server.poll() is None:
            self.server.kill()
            self.server.wait()

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, connection, path, body=None, good=(200, 204)):
        connection.request("POST" if body is not None else "GET", path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status not in good:
            raise ValueError(f"{path}: {answer.status} {text}")
        return text

    def is_up(self):
        connection = self.connect(5)
        try:
            self.look(connection)
            return True
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()

    def writer(self, number):
        connection = self.connect()
        return database.Writer(f"w{number}", lambda row: self.put(connection, row),
                               connection.close)

    def go_through(self, kind):
        volume = self.make_volume(kind)
        self.start_server(volume)
        self.prepare()
        agent = self.start_agent()
        writers = self.wait_for([self.writer(number) for number in range(CLIENTS)], 100)
        report, asked = self.snapshot(volume, agent)
        self.end(writers, f"{self.hook[0]} on {kind}")
        self.kill_server()
        volume.exchange()
        self.start_server(volume)
        there = self.rows()
        wanted = {row for writer in writers
                  for row, when in writer.acknowledged.items() if when < asked}
        self.assertGreater(len(wanted), CLIENTS * 100 - 1)
        self.assertEqual(wanted - there, set())
        self.assertEqual(self.results(report), {("freeze", "done"), ("thaw", "done")})
        self.assertEqual(report["outcome"], "consistent")
        return report

    def on_ext4_and_xfs(self):
        for kind in ("ext4", "xfs"):
            with self.subTest(kind=kind):
                self.setUp()
                self.go_through(kind)
                self.doCleanups()

    def prepare(self):
        pass


class Etcd(Served):
    hook = ("etcd", "20-etcd")
    package = "etcd-server"
    program = "usr/bin/etcd"
    port = 29379
    wal = None

    def command(self, data):
        url = f"http://127.0.0.1:{self.port}"
        peer = f"http://127.0.0.1:{self.port + 1}"
        return ["--name", "one", "--data-dir", f"{data}/etcd", "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}",
                *(["--wal-dir", str(self.wal)] if self.wal else [])]

    def look(self, connection):
        if '"true"' not in self.ask(connection, "/health"):
            raise ValueError("not healthy")

    def put(self, connection, row):
        key = base64.b64encode(row.encode()).decode()
        self.ask(connection, "/v3/kv/put", json.dumps({"key": key, "value": key}))

    def rows(self):
        connection = self.connect()
        everything = base64.b64encode(b"\0").decode()
        found = json.loads(self.ask(connection, "/v3/kv/range", json.dumps(
            {"key": everything, "range_end": everything, "keys_only": True})))
        connection.close()
        return {base64.b64decode(pair["key"]).decode() for pair in found["kvs"]}

    def test_everything_acknowledged_is_in_the_snapshot(self):
        self.on_ext4_and_xfs()

    def test_a_log_that_is_left_out_of_the_freeze_fails_it(self):
        volume = self.make_volume("ext4")
        self.wal = self.base / "log" / "wal"
        self.wal.parent.mkdir()
        shutil.chown(self.wal.parent, USER)
        self.start_server(volume)
        listing = self.base / "mounts"
        listing.write_bytes(bytes(volume.mount_point) + b"\0")
        done = call_hook("etcd", "freeze", listing)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"left out of the freeze, so that no consistent snapshot is possible: "
                      f"{self.wal}", done.stderr)
        listing.write_bytes(b"/proc\0")
        self.assertEqual(call_hook("etcd", "freeze", listing).returncode, 77)
        self.assertEqual(call_hook("etcd", "check").returncode, 0)

    def test_nothing_runs(self):
        self.assertEqual(call_hook("etcd", "freeze").returncode, 77)


class Influxdb(Served):
    hook = ("influxdb", "20-influxdb")
    package = "influxdb"
    program = "usr/bin/influxd"
    port = 29386

    def command(self, data):
        conf = self.base / "influxdb.conf"
        conf.write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{self.port + 2}"
[meta]
dir = "{data}/meta"
[data]
dir = "{data}/data"
wal-dir = "{data}/wal"
[http]
bind-address = "127.0.0.1:{self.port}"
log-enabled = false
[monitor]
store-enabled = false
""", encoding="ascii")
        return ["run", "-config", str(conf)]

    def look(self, connection):
        self.ask(connection, "/ping")

    def prepare(self):
        connection = self.connect()
        self.ask(connection, "/query?" + urllib.parse.urlencode({"q": "CREATE DATABASE test"}), "")
        connection.close()

    def put(self, connection, row):
        name, number = row.split("-")
        self.ask(connection, "/write?db=test", f"rows,writer={name} number={number}i {number}")

    def rows(self):
        connection = self.connect()
        text = self.ask(connection, "/query?" + urllib.parse.urlencode(
            {"db": "test", "q": "SELECT number FROM rows GROUP BY writer"}))
        connection.close()
        return {f"{series['tags']['writer']}-{number}"
                for series in json.loads(text)["results"][0]["series"]
                for _, number in series["values"]}

    def test_everything_acknowledged_is_in_the_snapshot(self):
        self.on_ext4_and_xfs()

    def test_nothing_runs(self):
        self.assertEqual(call_hook("influxdb", "freeze").returncode, 77)


class Named(unittest.TestCase):
    """Processes that only have the name of a server."""

    def setUp(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="frostline-named-"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.listing = self.base / "mounts"

    def start(self, name, *arguments, environment=None, spaces=()):
        program = self.base / name
        program.symlink_to(sys.executable)
        process = subprocess.Popen(
            [*spaces, str(program), "-c", "import sys; print(flush=True); sys.stdin.read()",
             *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, **(environment or {})))
        self.addCleanup(process.communicate)
        process.stdout.readline()

    def test_memcached_keeps_nothing(self):
        done = call_hook("memcached", "freeze")
        self.assertEqual((done.returncode, done.stderr), (77, "no memcached runs here\n"))
        self.start("memcached")
        done = call_hook("memcached", "freeze")
        self.assertEqual((done.returncode, done.stderr), (77, "memcached keeps nothing on disk\n"))

    def test_a_process_in_a_container_is_another_matter(self):
        self.start("memcached", spaces=["unshare", "--pid", "--fork"])
        done = call_hook("memcached", "freeze")
        self.assertEqual((done.returncode, done.stderr), (77, "no memcached runs here\n"))

    def test_rabbitmq(self):
        self.assertEqual(call_hook("rabbitmq", "freeze").returncode, 77)
        self.start("beam.smp", "-s", "rabbit", "boot",
                   environment={"RABBITMQ_MNESIA_DIR": str(self.base)})
        done = call_hook("rabbitmq", "check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("consistent by the freeze alone", done.stdout)
        self.listing.write_bytes(b"/proc\0")
        done = call_hook("rabbitmq", "freeze", self.listing)
        self.assertEqual((done.returncode, done.stderr),
                         (77, "nothing of RabbitMQ is about to be frozen\n"))

    def test_another_erlang_program_is_not_rabbitmq(self):
        self.start("beam.smp", "-s", "ejabberd")
        self.assertEqual(call_hook("rabbitmq", "freeze").returncode, 77)

    def test_phases(self):
        for name in ("etcd", "influxdb", "rabbitmq", "memcached"):
            self.assertEqual(call_hook(name, "thaw").returncode, 0)
            self.assertEqual(call_hook(name, "hold").returncode, 64)


if __name__ == "__main__":
    database.need("unshare")
    unittest.main(verbosity=2, argv=sys.argv[:1])
