#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hooks for servers that Debian doesn't have, against doubles of what they talk to: MySQL 8, MongoDB,
Elasticsearch and OpenSearch. What is played is the syntax of the real clients; none of it says that the
real server keeps its promises (docs/hooks.md tells which hooks have met it)."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import database
from database import run

DOUBLES = pathlib.Path(__file__).resolve().parent / "doubles"


class Double(unittest.TestCase):
    program = None  # in hooks.d/programs
    variable = None  # where the double finds its state

    def setUp(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="frostline-double-"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.bin = self.base / "bin"
        self.bin.mkdir()
        self.data = self.base / "data"
        self.data.mkdir()
        self.conf = self.base / "hook.conf"
        self.conf.write_text("")
        self.state_file = self.base / "state"
        self.listing = self.base / "mounts"
        self.listing.write_bytes(run("stat", "-c", "%m", self.data).stdout.strip().encode() + b"\0")
        self.more = {}

    def start_process(self, name, *arguments):
        """Something of that name: for the hook, the server runs."""
        program = self.base / name
        program.symlink_to(os.path.realpath(sys.executable))
        process = subprocess.Popen([str(program), *map(str, arguments)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def start_idle(self, name, *arguments):
        process = self.start_process(
            name, "-c", "import sys; print(flush=True); sys.stdin.read()", *arguments)
        process.stdout.readline()

    def state(self, **members):
        self.state_file.write_text(json.dumps(members))

    def environment(self, phase, timeout_ms):
        environment = {"PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                       "HOME": str(self.base), "TMPDIR": str(self.base),
                       "FROSTLINE_TIMEOUT_MS": str(timeout_ms),
                       f"{self.program.upper()}_HOOK_CONF": str(self.conf), **self.more}
        if self.variable:
            environment[self.variable] = str(self.state_file)
        if phase != "check":
            environment["FROSTLINE_MOUNTS"] = str(self.listing)
        return environment

    def call(self, phase, timeout_ms=6000):
        return run(database.HOOKS / "programs" / self.program, phase, check=False,
                   env=self.environment(phase, timeout_ms), stdin=subprocess.DEVNULL)

    def hold(self):
        process = subprocess.Popen(
            [str(database.HOOKS / "programs" / self.program), "hold"],
            env=self.environment("hold", 6000), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(self.put_away, process)
        said = ""
        while not said.endswith("READY\n"):
            line = process.stdout.readline()
            if not line:
                self.fail(process.communicate()[1])
            said += line
        return process, said

    @staticmethod
    def put_away(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        with process:
            pass  # waits for it and closes its ends

    def end(self, process):
        output, errors = process.communicate("thaw\n", timeout=20)
        return process.returncode, output, errors

    def assert_is(self, done, status, text):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(text, done.stdout + done.stderr)


class Mysql(Double):
    program = "mariadb"
    variable = "FAKE_MYSQL"

    def setUp(self):
        super().setUp()
        (self.bin / "mysql").symlink_to(DOUBLES / "mysql")
        # The hook takes this one first where both are there.
        (self.bin / "mariadb").symlink_to(DOUBLES / "mysql")
        self.start_idle("mysqld")
        path = self.base / "mysqld.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(str(path))
        self.conf.write_text(f"SOCKET={path}\n")
        self.server()

    def server(self, version="8.4.3", commit_mode=1, unsafe=(), running=(), **more):
        self.state(version=version, commit_mode=commit_mode, folder=str(self.data),
                   unsafe=list(unsafe), running=list(running), **more)

    def asked(self):
        """What one session was asked, from its first setting on."""
        lines = pathlib.Path(f"{self.state_file}.asked").read_text().splitlines()
        start = max(number for number, line in enumerate(lines) if line.startswith("SET SESSION"))
        return lines[start + 1:]

    def test_with_transactions_only_ddl_waits(self):
        process, said = self.hold()
        self.assertIn("binlog.000002\t4711", said)
        status, output, errors = self.end(process)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("still held", output)
        self.assertEqual(self.asked(), [
            "LOCK INSTANCE FOR BACKUP", "SHOW BINARY LOG STATUS", "SELECT 'READY'",
            "SELECT 'still held'", "UNLOCK TABLES", "UNLOCK INSTANCE"])

    def test_versions(self):
        for version, statement in (("8.0.40", "MASTER"), ("8.4.0", "BINARY LOG"), ("9.7.4", "BINARY LOG")):
            with self.subTest(version=version):
                self.server(version=version)
                self.assertEqual(self.end(self.hold()[0])[0], 0)
                self.assertIn(f"SHOW {statement} STATUS", self.asked())
        self.server(version="5.7.44-log")
        self.assert_is(self.call("hold"), 1, "MySQL 5.7.44-log is too old")

    def test_tables_without_transactions_are_locked(self):
        self.server(unsafe=["test.old (MyISAM)"])
        self.assertEqual(self.end(self.hold()[0])[0], 0)
        self.assertEqual(self.asked()[:3], [
            "LOCK INSTANCE FOR BACKUP", "FLUSH TABLES WITH READ LOCK",
            "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS"])

    def test_so_is_everything_that_is_not_written_at_commit(self):
        self.server(commit_mode=0)
        self.assertEqual(self.end(self.hold()[0])[0], 0)
        self.assertIn("FLUSH TABLES WITH READ LOCK", self.asked())

    def test_never_behind_a_long_statement(self):
        self.server(unsafe=["test.old (MyISAM)"], running=["17 of web, for 240 s"])
        done = self.call("hold")
        self.assert_is(done, 75, "statement 17 of web, for 240 s: all writers would wait")
        self.assertIn("RETRY-AFTER=30", done.stdout)
        asked = pathlib.Path(f"{self.state_file}.asked").read_text()
        self.assertNotIn("FLUSH TABLES", asked)
        # Where that lock isn't needed, the statement is in nobody's way.
        self.server(running=["17 of web, for 240 s"])
        self.assertEqual(self.end(self.hold()[0])[0], 0)

    def test_a_lock_that_is_not_had_in_time(self):
        self.server(refuse={"LOCK INSTANCE": "ERROR 1205 (HY000) at line 2: Lock wait timeout exceeded"})
        self.assert_is(self.call("hold"), 75, "ERROR 1205")

    def test_a_right_that_is_missing(self):
        self.server(refuse={"LOCK INSTANCE": "ERROR 1227 (42000) at line 2: Access denied; you need (at"
                                             " least one of) the BACKUP_ADMIN privilege(s)"})
        for phase in ("check", "hold"):
            self.assert_is(self.call(phase), 1, "BACKUP_ADMIN")

    def test_a_connection_that_is_lost(self):
        self.server(lost=True)
        process, _ = self.hold()
        status, _, errors = self.end(process)
        self.assertEqual(status, 1)
        self.assertIn("ERROR 2013", errors)

    def test_check_tells_what_only_the_hook_saves(self):
        self.server(commit_mode=0, unsafe=["test.old (MyISAM)"])
        done = self.call("check")
        self.assert_is(done, 0, "test.old (MyISAM)")
        self.assertIn("innodb_flush_log_at_trx_commit=0", done.stdout)


class Mongodb(Double):
    program = "mongodb"
    variable = "FAKE_MONGODB"

    def setUp(self):
        super().setUp()
        (self.bin / "mongosh").symlink_to(DOUBLES / "mongosh")
        self.note = self.base / "note"
        self.more = {"MONGODB_HOOK_NOTE": str(self.note)}
        self.start_idle("mongod", "--dbpath", self.data)
        self.server()

    def server(self, locks=0, **more):
        self.state(locks=locks, folder=str(self.data), **more)

    def now(self):
        return json.loads(self.state_file.read_text())

    def test_holds_until_it_is_told_to_let_go(self):
        process, _ = self.hold()
        self.assertEqual(self.now()["locks"], 1)
        self.assertTrue(self.note.exists())
        status, output, errors = self.end(process)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("unlocked, count 0", output)
        self.assertEqual(self.now()["locks"], 0)
        self.assertFalse(self.note.exists())
        lock = next(command for command in self.now()["asked"] if command.get("lock"))
        self.assertEqual(lock, {"fsync": 1, "lock": True, "fsyncLockAcquisitionTimeoutMillis": 3000})

    def test_the_agents_end_is_the_locks_end(self):
        process, _ = self.hold()
        process.communicate(timeout=10)  # which closes its input
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.now()["locks"], 0)

    def test_a_session_that_is_killed_is_made_good_by_its_thaw(self):
        process, _ = self.hold()
        os.killpg(process.pid, 9)
        process.wait()
        self.assertEqual(self.now()["locks"], 1)
        self.assert_is(self.call("thaw"), 0, "unlocked what a session that was ended had left locked")
        self.assertEqual(self.now()["locks"], 0)
        self.assertFalse(self.note.exists())
        self.assertEqual(self.call("thaw").returncode, 0)

    def test_a_thaw_without_a_freeze_unlocks_nothing(self):
        self.server(locks=1)
        self.assertEqual(self.call("thaw").returncode, 0)
        self.assertEqual(self.now()["locks"], 1)

    def test_a_lock_that_is_gone_before_the_killed_sessions_thaw(self):
        process, _ = self.hold()
        os.killpg(process.pid, 9)
        process.wait()
        self.server()
        self.assert_is(self.call("thaw"), 0, "was not locked any more")

    def test_somebody_elses_lock_is_busy(self):
        self.server(locks=1)
        done = self.call("hold")
        self.assert_is(done, 75, "is locked by somebody else")
        self.assertIn("RETRY-AFTER=30", done.stdout)
        self.assertEqual(self.now()["locks"], 1)

    def test_one_that_comes_at_the_same_time_keeps_its_lock(self):
        self.server(locks=1, says={"currentOp": {"inprog": []}})
        self.assert_is(self.call("hold"), 75, "at the same time")
        self.assertEqual(self.now()["locks"], 1)

    def test_an_unlock_by_somebody_else_is_seen(self):
        process, _ = self.hold()
        self.server()
        status, _, errors = self.end(process)
        self.assertEqual(status, 1)
        self.assertIn("was unlocked by somebody else", errors)

    def test_a_right_that_is_missing(self):
        self.server(refuse=["fsync"])
        self.assert_is(self.call("check"), 1, "not authorized on admin to execute command fsync")
        done = self.call("hold")
        self.assert_is(done, 1, "not authorized")
        self.assertFalse(self.note.exists())

    def test_the_folder_without_the_right_to_ask(self):
        self.server(refuse=["getCmdLineOpts"])
        self.assert_is(self.call("check"), 0, f"files in {self.data}")

    def test_what_has_no_data(self):
        self.server(says={"hello": {"msg": "isdbgrid"}})
        self.assert_is(self.call("hold"), 77, "mongos")
        self.server(says={"hello": {"arbiterOnly": True}})
        self.assert_is(self.call("hold"), 77, "arbiter")

    def test_a_server_that_does_not_answer_is_a_failure(self):
        self.server(unreachable=True)
        self.assert_is(self.call("hold"), 1, "ECONNREFUSED")

    def test_the_address_comes_from_a_file_that_only_root_reads(self):
        secret = self.base / "uri"
        secret.write_text("mongodb://frostline:secret@127.0.0.1:27018/admin\n")
        self.conf.write_text(f"URI_FILE={secret}\n")
        secret.chmod(0o644)
        self.assert_is(self.call("check"), 1, "chmod 600")
        secret.chmod(0o600)
        done = self.call("check")
        self.assert_is(done, 0, "127.0.0.1:27018/admin: MongoDB 7.0.14")
        self.assertNotIn("secret", done.stdout)
        self.assertEqual(self.now()["uri"], "mongodb://frostline:secret@127.0.0.1:27018/admin")

    def test_files_that_are_left_out(self):
        self.listing.write_bytes(b"/proc\0")
        self.assert_is(self.call("hold"), 77, "nothing of 127.0.0.1:27017/ is about to be frozen")


class MongodbAbsent(Double):
    program = "mongodb"

    def test_nothing_runs(self):
        self.assert_is(self.call("hold"), 77, "no MongoDB runs here")
        self.start_idle("mongod")
        self.more = {"PATH": "/usr/sbin:/sbin:/bin"}
        if not shutil.which("mongosh"):
            self.assert_is(self.call("hold"), 1, "mongosh, the server's client, is not installed")


class Elasticsearch(Double):
    program = "elasticsearch"
    ABOUT = [200, '{"name": "one", "version": {"number": "8.15.2"}, "tagline": "You Know, for Search"}']
    HEALTH = [200, '{"status": "green", "number_of_nodes": 1, "number_of_data_nodes": 1}']
    FLUSHED = [200, '{"_shards": {"total": 4, "successful": 4, "failed": 0}}']

    def start_node(self, main="org.elasticsearch.bootstrap.Elasticsearch"):
        self.node()
        indexes = self.data / "indices"
        indexes.mkdir()
        process = self.start_process("java", DOUBLES / "elasticsearch.py", self.state_file,
                                     indexes / "segments_1", main)
        self.port = int(process.stdout.readline())
        self.conf.write_text(f"URL=http://127.0.0.1:{self.port}/\n")

    def node(self, **more):
        self.state(**{"/": self.ABOUT, "/_flush": self.FLUSHED, "/_cluster/health": self.HEALTH, **more})

    def test_a_flush(self):
        self.start_node()
        self.assert_is(self.call("check"), 0, f"http://127.0.0.1:{self.port}: 8.15.2")
        self.assert_is(self.call("freeze"), 0, "flushed")
        asked = pathlib.Path(f"{self.state_file}.asked").read_text()
        self.assertIn("POST /_flush?wait_if_ongoing=true -\n", asked)
        self.assertEqual(self.call("thaw").returncode, 0)

    def test_opensearch(self):
        self.start_node("org.opensearch.bootstrap.OpenSearch")
        self.assert_is(self.call("freeze"), 0, "flushed")

    def test_nothing_runs_or_another_java_program(self):
        self.assert_is(self.call("freeze"), 77, "no Elasticsearch or OpenSearch runs here")
        self.start_idle("java", "org.example.Main")
        self.assert_is(self.call("freeze"), 77, "no Elasticsearch or OpenSearch runs here")

    def test_a_flush_that_takes_too_long_is_told_and_no_failure(self):
        self.start_node()
        self.node(**{"/_flush": [0, ""]})
        began = time.monotonic()
        self.assert_is(self.call("freeze", timeout_ms=3000), 0, "did not end within the limit")
        self.assertLess(time.monotonic() - began, 3)

    def test_a_flush_that_fails(self):
        self.start_node()
        self.node(**{"/_flush": [500, '{"error": "no space left on device"}']})
        self.assert_is(self.call("freeze"), 1, "no space left on device")

    def test_rights(self):
        self.start_node()
        self.node(**{"/": [401, "missing authentication"]})
        for phase in ("check", "freeze"):
            self.assert_is(self.call(phase), 1, "refused (401): see NETRC_FILE")
        secret = self.base / "netrc"
        secret.write_text("machine 127.0.0.1 login frostline password secret\n")
        secret.chmod(0o644)
        with open(self.conf, "a", encoding="ascii") as file:
            file.write(f"NETRC_FILE={secret}\n")
        self.assert_is(self.call("check"), 1, "chmod 600")
        secret.chmod(0o600)
        self.node(**{"/_flush": [403, "unauthorized"]})
        self.assert_is(self.call("freeze"), 1, "may not flush (403)")
        asked = pathlib.Path(f"{self.state_file}.asked").read_text()
        self.assertIn("Basic ZnJvc3RsaW5lOnNlY3JldA==", asked)

    def test_a_node_that_is_starting_is_busy(self):
        self.start_node()
        self.node(**{"/": [503, "not ready"]})
        self.assert_is(self.call("freeze"), 75, "is not ready yet")

    def test_a_node_that_runs_and_does_not_listen_is_a_failure(self):
        self.start_node()
        self.conf.write_text("URL=http://127.0.0.1:9\n")
        self.assert_is(self.call("freeze"), 1, "http://127.0.0.1:9: ")

    def test_one_of_several_is_told(self):
        self.start_node()
        self.node(**{"/_cluster/health": [200, '{"number_of_data_nodes":3}']})
        self.assert_is(self.call("check"), 0, "one of 3 nodes with data")

    def test_files_that_are_left_out(self):
        self.start_node()
        self.listing.write_bytes(b"/proc\0")
        self.assert_is(self.call("freeze"), 77, "nothing of")


if __name__ == "__main__":
    database.need("node", "curl")
    unittest.main(verbosity=2, argv=sys.argv[:1])
