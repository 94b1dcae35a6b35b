#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The SQLite hook with databases that several connections write to, frozen by the real agent.

A copy of the file system taken in the freeze holds every row that was acknowledged before it, whatever
the journal mode; with the hook, its write-ahead log is short.
"""

import os
import pwd
import shutil
import sqlite3
import sys
import unittest

import database
from database import run

CLIENTS = 4
USER = "nobody"
MODES = (("WAL", "NORMAL"), ("DELETE", "OFF"))


class SqliteTest(database.DatabaseTest):
    hook = ("sqlite", "30-sqlite")

    def connect(self, path, mode="WAL", synchronous="NORMAL"):
        connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self.addCleanup(connection.close)
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        # Its own limit would keep the log short as well.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        return connection


class Snapshots(SqliteTest):
    def writer(self, path, mode, number):
        connection = self.connect(path, *mode)
        return database.Writer(
            f"{path.stem}_{number}",
            lambda row: connection.execute("INSERT INTO test VALUES (?, ?)", (row, "x" * 300)),
            connection.close)

    def go_through(self, kind, with_hook=True):
        """Snapshot under load: the sizes of the log in the copy and before, the report."""
        volume = self.make_volume(kind)
        writers = []
        paths = []
        for mode in MODES:
            path = volume.mount_point / f"{mode[0]}.db"
            paths.append(path)
            connection = self.connect(path, *mode)
            connection.execute("CREATE TABLE test (name TEXT PRIMARY KEY, filler TEXT)")
            writers += [self.writer(path, mode, number) for number in range(CLIENTS)]
            connection.close()
        self.conf.write_text("".join(f"FILE={path}\n" for path in paths), encoding="ascii")
        agent = self.start_agent(with_hook)
        self.wait_for(writers, 100)
        before = paths[0].with_name("WAL.db-wal").stat().st_size
        report, asked = self.snapshot(volume, agent)
        self.end(writers, f"{kind}{'' if with_hook else ' without the hook'}")
        volume.exchange()
        log = paths[0].with_name("WAL.db-wal")
        copied = log.stat().st_size if log.exists() else 0
        for path in paths:
            connection = self.connect(path)
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            there = {row[0] for row in connection.execute("SELECT name FROM test")}
            wanted = {row for writer in writers if writer.name.startswith(path.stem)
                      for row, when in writer.acknowledged.items() if when < asked}
            self.assertGreater(len(wanted), CLIENTS * 100 - 1)
            self.assertEqual(wanted - there, set())
            connection.close()
        self.assertEqual(report["outcome"], "consistent")
        return before, copied, report

    def assert_short(self, before, copied, report):
        self.assertLess(copied, before)
        said = [row["stdout"] for row in report["hooks"] if row["phase"] == "freeze"]
        self.assertIn("WAL.db: its log is written back", said[0])

    def test_ext4(self):
        self.assert_short(*self.go_through("ext4"))

    def test_xfs(self):
        self.assert_short(*self.go_through("xfs"))

    def test_without_the_hook_nothing_is_lost_but_the_log_is_long(self):
        before, copied, _ = self.go_through("ext4", with_hook=False)
        self.assertGreaterEqual(copied, before)


class Calls(SqliteTest):
    """The hook by itself; nothing is frozen."""

    def setUp(self):
        super().setUp()
        self.files = self.base / "files"
        self.files.mkdir()
        self.path = self.files / "it's a \"db\" --.db"

    def call(self, phase, *files, mounts=None, timeout_ms=6000, **settings):
        self.conf.write_text("".join(f"FILE={file}\n" for file in files)
                             + "".join(f"{key}={value}\n" for key, value in settings.items()))
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/",
                       "FROSTLINE_TIMEOUT_MS": str(timeout_ms), "SQLITE_HOOK_CONF": str(self.conf)}
        if mounts:
            listing = self.base / "mounts"
            listing.write_bytes(b"".join(os.fsencode(mount) + b"\0" for mount in mounts))
            environment["FROSTLINE_MOUNTS"] = str(listing)
        return run(database.HOOKS / "programs/sqlite", phase, check=False, env=environment)

    def fill(self):
        connection = self.connect(self.path)
        connection.execute("CREATE TABLE test (name TEXT)")
        connection.execute("INSERT INTO test VALUES ('one')")
        return connection

    def log_size(self):
        return self.path.with_name(f"{self.path.name}-wal").stat().st_size

    def test_nothing_is_named(self):
        self.conf.unlink()
        done = run(database.HOOKS / "programs/sqlite", "freeze", check=False,
                   env={"PATH": os.environ["PATH"], "SQLITE_HOOK_CONF": str(self.conf)})
        self.assertEqual(done.returncode, 77)
        self.assertEqual(self.call("freeze").returncode, 77)

    def test_a_name_with_all_kinds_of_letters(self):
        self.fill()
        self.assertGreater(self.log_size(), 0)
        done = self.call("freeze", self.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("is written back", done.stdout)
        self.assertEqual(self.log_size(), 0)

    def test_a_reader_keeps_the_log_and_nothing_waits_long(self):
        connection = self.fill()
        reader = self.connect(self.path)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM test").fetchall()
        connection.execute("INSERT INTO test VALUES ('two')")
        done = self.call("freeze", self.path, timeout_ms=3000)
        self.assertEqual(done.returncode, 0)
        self.assertIn("is busy, so its log stays", done.stdout)
        self.assertGreater(self.log_size(), 0)

    def test_what_it_makes_belongs_to_the_owner(self):
        connection = self.fill()
        connection.execute("INSERT INTO test VALUES ('two')")
        log = self.path.with_name(f"{self.path.name}-wal")
        saved = self.base / "saved"
        shutil.copy(log, saved)
        connection.close()  # with which the log and its index go
        shutil.copy(saved, log)
        owner = pwd.getpwnam(USER)
        for file in (self.files, self.path, log):
            os.chown(file, owner.pw_uid, owner.pw_gid)
        done = self.call("freeze", self.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        for file in self.files.iterdir():
            self.assertEqual(file.stat().st_uid, owner.pw_uid, file)

    def test_only_what_is_about_to_be_frozen(self):
        self.fill()
        before = self.log_size()
        self.assertEqual(self.call("freeze", self.path, mounts=["/proc"]).returncode, 77)
        self.assertEqual(self.log_size(), before)
        mount = run("stat", "-c", "%m", self.files).stdout.strip()
        self.assertEqual(self.call("freeze", self.path, mounts=[mount]).returncode, 0)
        self.assertEqual(self.log_size(), 0)

    def test_a_link_has_its_target_looked_at(self):
        self.fill()
        link = self.base / "link.db"
        link.symlink_to(self.path)
        self.assertEqual(self.call("freeze", link).returncode, 0)
        self.assertEqual(self.log_size(), 0)

    def test_no_checkpoint_when_that_is_set(self):
        self.fill()
        before = self.log_size()
        self.assertEqual(self.call("freeze", self.path, CHECKPOINT="no").returncode, 0)
        self.assertEqual(self.log_size(), before)

    def test_a_file_that_is_not_there_is_told_and_skipped(self):
        done = self.call("freeze", self.files / "none.db")
        self.assertEqual(done.returncode, 77)
        self.assertIn("none.db: is not there", done.stdout)
        self.assertFalse((self.files / "none.db").exists())

    def test_check_tells_what_is_no_database(self):
        self.fill()
        self.assertEqual(self.call("check", self.path).returncode, 0)
        other = self.files / "other.db"
        other.write_text("something else")
        done = self.call("check", self.path, other)
        self.assertEqual(done.returncode, 1)
        self.assertIn("other.db: is no SQLite database", done.stderr)

    def test_a_wrong_setting_is_named(self):
        done = self.call("freeze", self.path, CHECKPOINT="maybe")
        self.assertEqual(done.returncode, 1)
        self.assertIn("hook.conf:2: 'CHECKPOINT=maybe'", done.stderr)


if __name__ == "__main__":
    database.need("sqlite3", "setpriv")
    unittest.main(verbosity=2, argv=sys.argv[:1])
