#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The MariaDB hook with a real server that several clients write to, frozen by the real agent.

A copy of the file system taken in the freeze holds every row that was acknowledged before it, and its
MyISAM table is whole; without the hook that is marked as crashed.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import unittest

import database
import harness

CLIENTS = 3
USER = "nobody"


class Session:
    """A client of the server on one connection: a statement, then the line that says it is done."""

    def __init__(self, path, options=()):
        self.process = subprocess.Popen(
            ["mariadb", "--no-defaults", *options, f"--socket={path}", "--user=root", "--batch",
             "--skip-column-names", "--unbuffered", "--skip-reconnect"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            bufsize=1)

    def ask(self, statement):
        """What it printed, line by line."""
        self.process.stdin.write(f"{statement};\nSELECT 'done';\n")
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


class MariadbTest(database.DatabaseTest):
    hook = ("mariadb", "60-mariadb")

    def make_server(self, kind, *options):
        self.volume = self.make_volume(kind)
        self.run_folder = self.base / "run"
        self.run_folder.mkdir()
        self.socket = self.run_folder / "server.sock"
        self.data = self.volume.mount_point / "mysql"
        self.data.mkdir()
        for folder in (self.run_folder, self.data):
            shutil.chown(folder, USER)
        self.options = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M",
                        "--aria-pagecache-buffer-size=1M", "--log-bin=binlog", *options]
        database.run("mariadb-install-db", "--no-defaults", f"--datadir={self.data}",
                     f"--user={USER}", "--auth-root-authentication-method=socket",
                     f"--auth-root-socket-user={pwd.getpwuid(os.geteuid()).pw_name}",
                     "--skip-test-db", "--innodb-log-file-size=8M", limit=120)
        self.conf.write_text(f"# test\nSOCKET={self.socket}\n", encoding="ascii")
        self.start_server()

    def start_server(self):
        log = open(self.run_folder / "log", "ab")
        self.addCleanup(log.close)
        self.server = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
             f"--user={USER}", "--skip-networking", f"--pid-file={self.run_folder}/pid",
             *self.options], stdout=log, stderr=log)
        self.addCleanup(self.kill_server)
        until = time.monotonic() + 60
        while True:
            session = self.session()
            try:
                session.ask("SELECT 1")
                return session
            except (OSError, EOFError):
                self.assertIsNone(self.server.poll(), (self.run_folder / "log").read_text()[-3000:])
                self.assertLess(time.monotonic(), until, "mariadbd does not start")
                time.sleep(0.1)

    def kill_server(self):
        if self.server.poll() is None:
            self.server.kill()
            self.server.wait()

    def session(self):
        session = Session(self.socket)
        self.addCleanup(session.close)
        return session


class Snapshots(MariadbTest):
    def writer(self, table, number):
        session = Session(self.socket)
        return database.Writer(
            f"{table}{number}",
            lambda row: session.ask(f"INSERT INTO test.{table} VALUES ('{row}', REPEAT('x', 200))"),
            session.close)

    def write(self):
        return self.wait_for([self.writer(table, number)
                              for table in ("inno", "my") for number in range(CLIENTS)], 50)

    def go_through(self, kind, *options, with_hook=True):
        """Snapshot under load, then a server on the copy: the report, {table: rows lost}, and what
        CHECK TABLE says of the one without transactions."""
        self.make_server(kind, *options)
        session = self.session()
        session.ask("CREATE DATABASE test")
        for table, engine in (("inno", "InnoDB"), ("my", "MyISAM")):
            session.ask(f"CREATE TABLE test.{table} (name VARCHAR(40) PRIMARY KEY, filler TEXT)"
                        f" ENGINE={engine}")
        agent = self.start_agent(with_hook)
        writers = self.write()
        report, asked = self.snapshot(self.volume, agent)
        self.end(writers, f"{kind} {' '.join(options)}")
        self.kill_server()
        self.volume.exchange()
        session = self.start_server()
        checked = session.ask("CHECK TABLE test.my")
        lost = {}
        for table in ("inno", "my"):
            rows = set(session.ask(f"SELECT name FROM test.{table} IGNORE INDEX (PRIMARY)"))
            wanted = {row for writer in writers if writer.name.startswith(table)
                      for row, when in writer.acknowledged.items() if when < asked}
            self.assertGreater(len(wanted), CLIENTS * 50 - 1)
            lost[table] = len(wanted - rows)
        return report, lost, checked

    def assert_whole(self, report, lost, checked):
        self.assertEqual(lost, {"inno": 0, "my": 0})
        self.assertEqual(checked, ["test.my\tcheck\tstatus\tOK"])
        self.assertEqual(report["outcome"], "consistent")
        self.assertIn(("hold", "done"), self.results(report))
        said = "".join(row.get("stdout", "") for row in report["hooks"])
        self.assertRegex(said, r"(?m)^binlog\.\d+\t\d+")  # where its binary log is at

    def test_ext4(self):
        self.assert_whole(*self.go_through("ext4"))

    def test_xfs(self):
        self.assert_whole(*self.go_through("xfs"))

    def test_transactions_that_are_not_written_at_commit(self):
        self.assert_whole(*self.go_through("ext4", "--innodb-flush-log-at-trx-commit=0"))

    def test_without_the_hook_a_table_without_transactions_is_crashed(self):
        _, lost, checked = self.go_through("ext4", with_hook=False)
        self.assertEqual(lost["inno"], 0)
        self.assertNotEqual(checked, ["test.my\tcheck\tstatus\tOK"])


class Trouble(MariadbTest):
    """While really frozen: bounded time, a clear reason, no lock that stays."""

    def freeze(self, host):
        return host.ask("frostline-freeze", {"mountpoints": [str(self.volume.mount_point)],
                                             "deadline-ms": 20000}, 60)

    def test_a_server_that_is_killed_while_frozen_is_told(self):
        self.make_server("ext4")
        agent = self.start_agent()
        with harness.Connection(agent.socket) as host:
            self.assertIn("return", self.freeze(host))
            self.server.kill()
            time.sleep(0.5)
            told = host.ask("frostline-thaw", timeout=60)["error"]["desc"]
        self.assertRegex(told, "hook 60-mariadb (did not hold|ended while it should hold)")
        self.server.wait(20)
        self.start_server().ask("CREATE DATABASE probe")

    def test_a_full_disk(self):
        self.make_server("ext4")
        session = self.session()
        session.ask("CREATE DATABASE test; CREATE TABLE test.t (i INT) ENGINE=InnoDB")
        session.ask("INSERT INTO test.t VALUES (1)")
        database.run("dd", "if=/dev/zero", f"of={self.volume.mount_point}/full", "bs=1M", check=False)
        agent = self.start_agent()
        with harness.Connection(agent.socket) as host:
            began = time.monotonic()
            reply = self.freeze(host)
            self.assertLess(time.monotonic() - began, 30)
            if "error" in reply:
                self.assertIn("hook 60-mariadb: ", reply["error"]["desc"])
            host.value("frostline-thaw", timeout=60)
            self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        (self.volume.mount_point / "full").unlink()
        session.ask("INSERT INTO test.t VALUES (2)")


class Calls(MariadbTest):
    """The hook by itself; nothing is frozen."""

    def setUp(self):
        super().setUp()
        self.make_server("ext4")
        self.listing = self.base / "mounts"
        self.listing.write_bytes(bytes(self.volume.mount_point) + b"\0")

    def start(self, phase, timeout_ms=6000):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                       "HOME": str(self.run_folder), "FROSTLINE_TIMEOUT_MS": str(timeout_ms),
                       "MARIADB_HOOK_CONF": str(self.conf)}
        if phase != "check":
            environment["FROSTLINE_MOUNTS"] = str(self.listing)
        process = subprocess.Popen(
            [str(database.HOOKS / "programs/mariadb"), phase], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        self.addCleanup(self.put_away, process)
        return process

    @staticmethod
    def put_away(process):
        process.kill()
        process.wait()
        for end in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                end.close()

    def call(self, phase, timeout_ms=6000):
        process = self.start(phase, timeout_ms)
        output, errors = process.communicate(timeout=30)
        return process.returncode, output, errors

    def hold(self):
        """A hook that holds, and what it said before."""
        process = self.start("hold")
        said = []
        while True:
            line = process.stdout.readline()
            if not line:
                self.fail(process.communicate()[1])
            if line == "READY\n":
                return process, said
            said.append(line)

    def is_blocked(self):
        """Whether a commit waits."""
        session = self.session()
        session.ask("SET lock_wait_timeout = 1")
        try:
            session.ask("CREATE DATABASE probe; DROP DATABASE probe")
            return False
        except EOFError as error:
            self.assertIn("1205", str(error))
            return True

    def end(self, process):
        output, errors = process.communicate("thaw\n", timeout=20)
        return process.returncode, output, errors

    def test_holds_until_it_is_told_to_let_go(self):
        self.assertFalse(self.is_blocked())
        process, said = self.hold()
        self.assertTrue(any(line.startswith("binlog.") for line in said), said)
        self.assertTrue(self.is_blocked())
        status, output, errors = self.end(process)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("still held", output)
        self.assertFalse(self.is_blocked())
        self.assertEqual(self.call("thaw")[0], 0)

    def test_the_agents_end_is_the_locks_end(self):
        process, _ = self.hold()
        process.stdin.close()
        self.assertEqual(process.wait(10), 0)
        self.assertFalse(self.is_blocked())
        process, _ = self.hold()
        os.killpg(process.pid, 9)
        process.wait()
        self.assertFalse(self.is_blocked())

    def test_a_connection_that_is_lost_is_seen_at_once(self):
        process, _ = self.hold()
        session = self.session()
        held = session.ask("SELECT ID FROM information_schema.PROCESSLIST"
                           " WHERE COMMAND = 'Sleep' AND ID <> CONNECTION_ID()"
                           " ORDER BY TIME DESC, ID DESC LIMIT 1")
        session.ask(f"KILL {held[0]}")
        self.end(process)
        self.assertNotEqual(process.returncode, 0)

    def test_a_server_that_dies_is_seen_before_the_thaw(self):
        process, _ = self.hold()
        self.kill_server()
        status, _, errors = self.end(process)
        self.assertEqual(status, 1)
        self.assertIn("ERROR 20", errors)

    def test_another_backup_is_busy(self):
        other = self.session()
        other.ask("BACKUP STAGE START")
        status, output, errors = self.call("hold")
        self.assertEqual(status, 75, errors)
        self.assertIn("RETRY-AFTER=30", output)
        self.assertIn("1205", errors)
        self.assertNotIn("READY", output)

    def test_neither_a_long_query_nor_a_transaction_delays_it(self):
        reader = self.session()
        reader.process.stdin.write("SELECT SLEEP(20);\n")
        reader.process.stdin.flush()
        transaction = self.session()
        transaction.ask("CREATE DATABASE test; CREATE TABLE test.t (i INT) ENGINE=InnoDB;"
                        " BEGIN; INSERT INTO test.t VALUES (1)")
        began = time.monotonic()
        process, _ = self.hold()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.end(process)[0], 0)

    def test_a_part_that_is_left_out_is_a_failure_all_of_it_is_none(self):
        self.kill_server()
        elsewhere = self.base / "elsewhere"
        elsewhere.mkdir()
        shutil.chown(elsewhere, USER)
        self.options.append(f"--log-bin={elsewhere}/binlog")
        self.start_server()
        status, _, errors = self.call("hold")
        self.assertEqual(status, 1)
        self.assertIn(f"{elsewhere} (on /dev/shm)", errors)
        self.listing.write_bytes(b"/proc\0")
        self.assertEqual(self.call("hold")[0], 77)

    def test_no_server(self):
        self.kill_server()
        for phase in ("check", "hold"):
            self.assertEqual(self.call(phase)[0], 77, phase)
        self.assertEqual(self.call("thaw")[0], 0)

    def test_a_server_that_refuses_is_a_failure_not_an_absence(self):
        dead = self.run_folder / "dead.sock"
        with socket.socket(socket.AF_UNIX) as left_over:
            left_over.bind(str(dead))
        self.conf.write_text(f"SOCKET={dead}\n", encoding="ascii")
        for phase in ("check", "hold"):
            status, _, errors = self.call(phase)
            self.assertEqual(status, 1, phase)
            self.assertIn("(111)", errors)

    def test_a_server_that_stands_still_is_given_up_in_time(self):
        self.server.send_signal(19)  # SIGSTOP
        began = time.monotonic()
        status, output, _ = self.call("hold", timeout_ms=3000)
        self.assertEqual(status, 1)
        self.assertNotIn("READY", output)
        self.assertLess(time.monotonic() - began, 6)

    def test_a_wrong_password_is_a_failure_not_an_absence(self):
        self.session().ask("CREATE USER other@localhost IDENTIFIED BY 'right'")
        secret = self.run_folder / "client.cnf"
        secret.write_text("[client]\npassword=wrong\n", encoding="ascii")
        settings = f"SOCKET={self.socket}\nUSER=other\nDEFAULTS_FILE={secret}\n"
        self.conf.write_text(settings, encoding="ascii")
        secret.chmod(0o644)
        self.assertIn("chmod 600", self.call("check")[2])
        secret.chmod(0o600)
        status, _, errors = self.call("check")
        self.assertEqual(status, 1)
        self.assertIn("ERROR 1045", errors)
        secret.write_text("[client]\npassword=right\n", encoding="ascii")
        status, _, errors = self.call("check")
        self.assertEqual(status, 1)
        self.assertIn("RELOAD", errors)
        self.session().ask("GRANT RELOAD, REPLICATION CLIENT ON *.* TO other@localhost")
        status, _, errors = self.call("check")
        self.assertEqual(status, 0, errors)

    def test_check_tells_what_only_the_hook_saves(self):
        self.session().ask("CREATE DATABASE test; CREATE TABLE test.old (i INT) ENGINE=MyISAM")
        status, output, errors = self.call("check")
        self.assertEqual(status, 0, errors)
        self.assertIn("test.old (MyISAM)", output)


if __name__ == "__main__":
    database.need("mariadbd", "mariadb", "mariadb-install-db")
    unittest.main(verbosity=2, argv=sys.argv[:1])
