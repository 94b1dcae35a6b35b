#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's hooks with a real server that several clients write to, frozen by the real agent.

A copy taken in the freeze holds every row that was acknowledged before it; so does one whose volumes
were copied one after the other, when the backup hook was on and its label is put back.
"""

import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

import database
import harness
from database import run

BINARIES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
CLIENTS = 4
PORT = "54330"


class Session:
    """A client of the server on one connection: a statement, then the line that says it is done."""

    def __init__(self, sockets):
        user = pwd.getpwnam("postgres")
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(sockets), "-p", PORT,
             "-d", "postgres"], user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            bufsize=1, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})

    def ask(self, statement):
        """What it printed, line by line."""
        self.process.stdin.write(f"{statement};\n\\echo done\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise EOFError("\n".join(lines) or "the client has ended")
            if line == "done\n":
                return lines
            lines.append(line.rstrip("\n"))

    def close(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


class PostgresqlTest(database.DatabaseTest):
    hook = ("postgresql", "20-postgresql")

    def make_server(self, kind, wal=None):
        self.volume = self.make_volume(kind)
        self.sockets = self.base / "sockets"
        self.sockets.mkdir()
        self.cluster = self.volume.mount_point / "cluster"
        folders = [self.sockets, self.volume.mount_point, *([wal.mount_point] if wal else [])]
        for folder in folders:
            shutil.chown(folder, "postgres", "postgres")
        self.as_postgres("initdb", "-A", "peer", "-N", "-k", "-D", self.cluster,
                         *(["--waldir", wal.mount_point / "wal"] if wal else []))
        with open(self.cluster / "postgresql.conf", "a", encoding="ascii") as file:
            file.write(f"unix_socket_directories='{self.sockets}'\nlisten_addresses=''\n"
                       f"port={PORT}\nshared_buffers=16MB\nmin_wal_size=32MB\nmax_wal_size=64MB\n")
        self.conf.write_text(f"SOCKET_DIRECTORIES={self.sockets}\n", encoding="ascii")
        self.start_server()
        self.session().ask("CREATE TABLE test (name text PRIMARY KEY, filler text)")

    def as_postgres(self, program, *arguments, check=True):
        user = pwd.getpwnam("postgres")
        done = run(f"{BINARIES[-1]}/{program}", *arguments, check=False, user=user.pw_uid,
                   group=user.pw_gid, extra_groups=[], cwd=self.base,
                   env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
        if check and done.returncode != 0:
            raise AssertionError(f"{program} {arguments}: {done.stderr}{done.stdout}\n{self.log()}")
        return done

    def log(self):
        with contextlib.suppress(OSError):
            return (self.sockets / "log").read_text()
        return ""

    def start_server(self):
        (self.sockets / "log").unlink(missing_ok=True)
        self.as_postgres("pg_ctl", "-w", "-s", "-D", self.cluster, "-l", self.sockets / "log", "start")
        self.addCleanup(self.kill_server)

    def kill_server(self):
        """The server and all its processes, with nothing written any more."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.cluster / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            until = time.monotonic() + 30
            while glob.glob(f"/proc/{pid}/stat") or self.users_of_the_volume():
                self.assertLess(time.monotonic(), until, "the server does not end")
                time.sleep(0.05)
            (self.cluster / "postmaster.pid").unlink()

    def users_of_the_volume(self):
        return [link for link in glob.glob("/proc/[0-9]*/cwd")
                if os.path.realpath(link) == str(self.cluster)]

    def session(self):
        session = Session(self.sockets)
        self.addCleanup(session.close)
        return session

    def writer(self, number):
        session = Session(self.sockets)
        return database.Writer(
            f"w{number}", lambda row: session.ask(f"INSERT INTO test VALUES ('{row}', repeat('x', 300))"),
            session.close)

    def write(self):
        return self.wait_for([self.writer(number) for number in range(CLIENTS)], 100)

    def assert_nothing_lost(self, writers, asked):
        session = self.session()
        there = set(session.ask("SET enable_indexscan=off; SET enable_bitmapscan=off;"
                                "SET enable_indexonlyscan=off; SELECT name FROM test"))
        wanted = {row for writer in writers
                  for row, when in writer.acknowledged.items() if when < asked}
        self.assertGreater(len(wanted), CLIENTS * 100 - 1)
        self.assertEqual(wanted - there, set())
        session.ask("CREATE EXTENSION amcheck; SELECT bt_index_check('test_pkey', true)")

    def output(self, report, phase):
        return "".join(row.get("stdout", "") for row in report["hooks"] if row["phase"] == phase)


class Snapshots(PostgresqlTest):
    def go_through(self, kind):
        self.make_server(kind)
        agent = self.start_agent()
        writers = self.write()
        report, asked = self.snapshot(self.volume, agent)
        self.end(writers, kind)
        self.kill_server()
        self.volume.exchange()
        (self.cluster / "postmaster.pid").unlink()
        self.start_server()
        self.assertNotRegex(self.log(), "PANIC|FATAL")
        self.assert_nothing_lost(writers, asked)
        self.assertEqual(report["outcome"], "consistent")
        self.assertRegex(self.output(report, "freeze"), r"checkpoint done in \d+ ms, LSN [0-9A-F]+/[0-9A-F]+")

    def test_ext4(self):
        self.go_through("ext4")

    def test_xfs(self):
        self.go_through("xfs")


class Trouble(PostgresqlTest):
    """Bounded time, a clear reason, and nothing that stays behind."""

    def freeze(self, host):
        return host.ask("frostline-freeze", {"mountpoints": [str(self.volume.mount_point)],
                                             "deadline-ms": 20000}, 60)

    def assert_writers_go_on(self):
        self.session().ask("INSERT INTO test VALUES ('after', '')")

    def test_a_long_query_and_a_held_transaction_delay_nothing(self):
        self.make_server("ext4")
        query = self.session()
        query.process.stdin.write("SELECT pg_sleep(60);\n")
        query.process.stdin.flush()
        held = self.session()
        held.ask("BEGIN; LOCK TABLE test IN EXCLUSIVE MODE; INSERT INTO test VALUES ('held', '')")
        agent = self.start_agent()
        began = time.monotonic()
        report, _ = self.snapshot(self.volume, agent)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(report["outcome"], "consistent")
        held.ask("COMMIT")
        self.assert_writers_go_on()

    def test_a_server_that_is_killed_while_frozen(self):
        self.make_server("ext4")
        agent = self.start_agent()
        writers = self.write()
        with harness.Connection(agent.socket) as host:
            asked = time.monotonic()
            self.assertIn("return", self.freeze(host))
            self.volume.take_copy()
            os.kill(int((self.cluster / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            report = host.value("frostline-thaw", timeout=60)
        self.assertEqual(report["outcome"], "consistent")
        for writer in writers:
            writer.stop()
        self.kill_server()
        self.volume.exchange()
        (self.cluster / "postmaster.pid").unlink()
        self.start_server()
        self.assert_nothing_lost(writers, asked)

    def test_a_full_disk(self):
        self.make_server("ext4")
        self.session().ask("INSERT INTO test SELECT g::text, repeat('x', 300) FROM generate_series(1, 20000) g")
        run("dd", "if=/dev/zero", f"of={self.volume.mount_point}/full", "bs=1M", check=False)
        agent = self.start_agent()
        with harness.Connection(agent.socket) as host:
            began = time.monotonic()
            reply = self.freeze(host)
            self.assertLess(time.monotonic() - began, 30)
            if "error" in reply:
                self.assertIn("hook 20-postgresql: ", reply["error"]["desc"])
                self.assertRegex(reply["error"]["desc"], "No space left|terminat|closed")
            host.value("frostline-thaw", timeout=60)
            self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        (self.volume.mount_point / "full").unlink()
        # A checkpoint that finds no room makes the server start anew.
        until = time.monotonic() + 60
        while self.as_postgres("pg_isready", "-h", self.sockets, "-p", PORT, check=False).returncode:
            self.assertLess(time.monotonic(), until, self.log())
            time.sleep(0.2)
        self.assert_writers_go_on()


class Backup(PostgresqlTest):
    hook = ("postgresql-backup", "30-postgresql-backup")

    def make(self):
        self.wal = self.make_volume("ext4", "wal")
        self.make_server("ext4", self.wal)

    def label(self, report):
        found = re.search("--- backup_label\n(.*)--- tablespace_map\n(.*)--- end",
                          self.output(report, "thaw"), re.DOTALL)
        self.assertIsNotNone(found, report)
        self.assertEqual(found[2], "")
        return found[1]

    def test_volumes_copied_one_after_the_other(self):
        self.make()
        agent = self.start_agent()
        writers = self.write()
        report, asked = self.snapshot(self.volume, agent)
        self.assertEqual(report["outcome"], "consistent", report)
        time.sleep(1)  # what is written here is in the one copy and not in the other
        run("fsfreeze", "-f", self.wal.mount_point)
        try:
            self.wal.take_copy()
        finally:
            run("fsfreeze", "-u", self.wal.mount_point)
        self.end(writers, "volumes one after the other")
        self.kill_server()
        for volume in (self.volume, self.wal):
            volume.exchange()
        (self.cluster / "postmaster.pid").unlink()
        self.assertFalse((self.cluster / "backup_label").exists())
        (self.cluster / "backup_label").write_text(self.label(report))
        shutil.chown(self.cluster / "backup_label", "postgres", "postgres")
        self.start_server()
        self.assertIn("completed backup recovery", self.log())
        self.assertNotRegex(self.log(), "PANIC|FATAL")
        self.assert_nothing_lost(writers, asked)

    def test_a_connection_that_is_lost_is_told(self):
        self.make()
        self.other = self.session()
        self.other.ask("SELECT pid FROM pg_stat_activity")  # all that it needs is loaded
        agent = self.start_agent()
        with harness.Connection(agent.socket) as host:
            host.value("frostline-freeze", {"mountpoints": [str(self.volume.mount_point)],
                                            "deadline-ms": 20000}, 60)
            held = self.other.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'frostline'")
            self.assertEqual(len(held), 1)
            os.kill(int(held[0]), signal.SIGTERM)
            told = host.ask("frostline-thaw", timeout=60)["error"]["desc"]
        self.assertIn("hook 30-postgresql-backup did not hold", told)
        self.assertIn("57P01", told)  # admin_shutdown

    def test_what_it_needs(self):
        self.make()
        self.start_agent()

        def check(settings=""):
            self.conf.write_text(f"SOCKET_DIRECTORIES={self.sockets}\n{settings}", encoding="ascii")
            user = pwd.getpwnam("postgres")
            return run(self.base / "postgresql-backup", "check", check=False, user=user.pw_uid,
                       group=user.pw_gid, extra_groups=[], cwd="/",
                       env={"PATH": os.environ["PATH"], "HOME": str(self.sockets), "TMPDIR": str(self.sockets),
                            "POSTGRESQL_BACKUP_HOOK_CONF": str(self.conf)})

        self.assertEqual(check().returncode, 0, check().stderr)
        self.assertEqual(check(f"CLUSTER={self.cluster}\n").returncode, 0)
        self.assertEqual(check("CLUSTER=/nowhere\n").returncode, 77)
        self.session().ask("ALTER SYSTEM SET wal_level = minimal;")
        self.session().ask("ALTER SYSTEM SET max_wal_senders = 0;")
        self.kill_server()
        self.start_server()
        done = check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("wal_level is minimal", done.stderr)


if __name__ == "__main__":
    if not BINARIES:
        database.need("initdb")
    database.need("psql")
    unittest.main(verbosity=2, argv=sys.argv[:1])
