#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL hook against a real, throw-away server on a file system of its own.

Freezes nothing: the hook runs before the freeze, and what is about to be frozen is only a list.
Exit status 77 (skipped) where there is no root, no loop device or no PostgreSQL.
"""

import glob
import os
import pathlib
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HOOK = str(pathlib.Path(__file__).resolve().parents[3] / "hooks.d/programs/postgresql")
BINARIES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
PORT = "54329"


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=60,
                          **options)


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(tempfile.mkdtemp(prefix="frostline-postgresql-"))
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.base.chmod(0o755)
        cls.mount = cls.base / "data"
        cls.mount.mkdir()
        image = cls.base / "image"
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        run("mkfs.ext4", "-q", str(image))
        run("mount", "-o", "loop", str(image), str(cls.mount))
        cls.addClassCleanup(run, "umount", str(cls.mount))
        for name in ("sockets", "tmp", "elsewhere"):
            (cls.base / name).mkdir()
            shutil.chown(cls.base / name, "postgres", "postgres")
        shutil.chown(cls.mount, "postgres", "postgres")
        cls.hook = cls.base / "postgresql"  # where the user postgres can reach it
        for program in (HOOK, *glob.glob(os.path.join(os.path.dirname(HOOK), "*.sh"))):
            shutil.copy(program, os.path.dirname(cls.hook))
        cls.cluster = cls.mount / "cluster"
        cls.conf = cls.base / "hook.conf"
        cls.as_postgres(f"{BINARIES[-1]}/initdb", "-A", "peer", "-N", "-D", str(cls.cluster))
        with open(cls.cluster / "postgresql.conf", "a", encoding="ascii") as file:
            file.write(f"port={PORT}\nlisten_addresses=''\nautovacuum=off\n"
                       f"unix_socket_directories='{cls.base}/sockets'\nshared_buffers=16MB\n")
        cls.hba = cls.cluster / "pg_hba.conf"
        cls.good_hba = cls.hba.read_text()
        cls.start()
        cls.addClassCleanup(cls.stop)

    @classmethod
    def as_postgres(cls, *command, **options):
        return cls.as_user("postgres", *command, **options)

    @classmethod
    def as_user(cls, name, *command, **options):
        user = pwd.getpwnam(name)
        options.setdefault("env", {"PATH": os.environ["PATH"], "LC_ALL": "C"})
        return run(*command, user=user.pw_uid, group=user.pw_gid, extra_groups=[],
                   cwd=str(cls.base), **options)

    @classmethod
    def control(cls, *arguments):
        log = cls.mount / "log"
        done = cls.as_postgres(f"{BINARIES[-1]}/pg_ctl", "-w", "-s", "-D", str(cls.cluster),
                               "-l", str(log), *arguments, check=False)
        if done.returncode != 0:
            raise AssertionError(f"pg_ctl {arguments}: {done.stderr}\n{log.read_text()[-1500:]}")

    @classmethod
    def running(cls):
        return (cls.cluster / "postmaster.pid").exists()

    @classmethod
    def start(cls):
        cls.control("start")

    @classmethod
    def stop(cls):
        if cls.running():
            cls.control("stop", "-m", "immediate")

    def setUp(self):
        self.settings("")
        if not self.running():
            self.start()

    def settings(self, text):
        self.conf.write_text(f"# test\n\nSOCKET_DIRECTORIES={self.base}/sockets\n{text}",
                             encoding="ascii")

    def sql(self, statement, database="postgres"):
        return self.as_postgres(f"{BINARIES[-1]}/psql", "-X", "-At", "-h", f"{self.base}/sockets",
                                "-p", PORT, "-d", database, "-c", statement).stdout.strip()

    def reload_hba(self, text):
        self.hba.write_text(text, encoding="ascii")
        self.sql_reload()

    def sql_reload(self):
        pid = int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        self.as_postgres(f"{BINARIES[-1]}/pg_ctl", "-s", "-D", str(self.cluster), "reload")
        os.kill(pid, 0)

    def call(self, phase, mounts=None, timeout_ms=10000, user="postgres"):
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C", "HOME": f"{self.base}/tmp", "TMPDIR": f"{self.base}/tmp",
            "FROSTLINE_PHASE": phase, "FROSTLINE_FREEZE_ID": "t", "FROSTLINE_HOOK": "20-postgresql",
            "FROSTLINE_TIMEOUT_MS": str(timeout_ms), "POSTGRESQL_HOOK_CONF": str(self.conf),
        }
        if mounts is not None:
            listing = self.base / "mounts"
            listing.write_bytes(b"".join(os.fsencode(str(mount)) + b"\0" for mount in mounts))
            environment["FROSTLINE_MOUNTS"] = str(listing)
        return self.as_user(user, str(self.hook), phase, check=False, env=environment)

    def expect(self, result, status, out="", err=""):
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        self.assertIn(out, result.stdout)
        self.assertIn(err, result.stderr.splitlines()[-1] if result.stderr else "")

    # The life of a freeze

    def test_freeze_makes_a_checkpoint(self):
        self.sql("CREATE TABLE IF NOT EXISTS t(i int); INSERT INTO t VALUES (1)")
        before = self.sql("SELECT redo_lsn FROM pg_control_checkpoint()")
        result = self.call("freeze", [self.mount])
        self.expect(result, 0, out="checkpoint done in ")
        self.assertEqual(result.stderr, "")
        self.assertNotEqual(before, self.sql("SELECT redo_lsn FROM pg_control_checkpoint()"))
        self.assertEqual(list((self.base / "tmp").iterdir()), [])

    def test_thaw_has_nothing_to_do_even_without_a_server(self):
        self.expect(self.call("thaw"), 0)
        self.stop()
        self.expect(self.call("thaw"), 0)

    def test_unknown_phases_are_refused(self):
        self.expect(self.call("hold"), 64, err="usage: ")

    # Skipped

    def test_a_stopped_server_is_skipped(self):
        self.stop()
        self.expect(self.call("freeze", [self.mount]), 77)
        self.assertNotIn(str(self.cluster), self.call("check").stdout)

    def test_a_killed_server_that_left_its_files_is_skipped(self):
        pid = int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        everyone = [os.pidfd_open(int(one)) for one in [str(pid), *children]]
        os.kill(pid, signal.SIGKILL)
        for process in everyone:  # the children leave when they see that their parent has gone
            select.select([process], [], [], 10)
            os.close(process)
        self.assertTrue(self.running())
        self.expect(self.call("freeze", [self.mount]), 77)
        # An init that is slow to wait for orphans would make the next start believe in them.
        (self.cluster / "postmaster.pid").unlink()
        (self.base / f"sockets/.s.PGSQL.{PORT}.lock").unlink()

    def test_a_freeze_of_other_file_systems_is_none_of_its_business(self):
        self.expect(self.call("freeze", ["/proc"]), 77, err=f"{self.cluster} is about to be frozen")

    # Failed

    def test_a_running_server_of_another_user_is_a_failure(self):
        self.conf.write_text(f"SOCKET_DIRECTORIES=\nDATA_DIRECTORIES={self.cluster}\n",
                             encoding="ascii")
        self.expect(self.call("freeze", [self.mount], user="nobody"), 1,
                    err="belongs to postgres, but this hook runs as nobody")

    def test_a_server_that_refuses_is_a_failure(self):
        self.reload_hba("local all all reject\n")
        try:
            result = self.call("freeze", [self.mount])
            self.expect(result, 1, err="pg_hba.conf rejects connection")
            self.assertIn(str(self.cluster), result.stderr)
            self.expect(self.call("check"), 1, err="cannot connect as postgres")
        finally:
            self.reload_hba(self.good_hba)

    def test_peer_authentication_as_somebody_else_is_a_failure(self):
        self.settings("ROLE=nobody\n")
        self.expect(self.call("freeze", [self.mount]), 1, err="Peer authentication failed")

    def test_a_tablespace_that_is_left_out_is_a_failure(self):
        elsewhere = self.base / "elsewhere"
        self.sql(f"CREATE TABLESPACE apart LOCATION '{elsewhere}'")
        self.addCleanup(self.sql, "DROP TABLESPACE apart")
        result = self.call("freeze", [self.mount])
        self.expect(result, 1, err="left out of the freeze")
        self.assertIn(str(elsewhere), result.stderr)
        self.assertNotIn("checkpoint done", result.stdout)
        other = run("stat", "-c", "%m", str(elsewhere)).stdout.strip()
        self.expect(self.call("freeze", [other]), 1, err=str(self.cluster))
        self.expect(self.call("freeze", [other, self.mount]), 0, out="checkpoint done")

    def test_another_mount_of_the_same_file_system_counts(self):
        second = self.base / "second"
        second.mkdir()
        run("mount", "--bind", str(self.mount), str(second))
        try:
            self.expect(self.call("freeze", [second]), 0, out="checkpoint done")
        finally:
            run("umount", str(second))
            second.rmdir()

    def test_the_least_right_is_enough_and_less_is_not(self):
        self.sql("CREATE ROLE plain LOGIN")
        self.addCleanup(self.sql, "DROP ROLE plain")
        self.reload_hba("local all plain trust\n" + self.good_hba)
        self.addCleanup(self.reload_hba, self.good_hba)
        self.settings("ROLE=plain\n")
        self.expect(self.call("freeze", [self.mount]), 1, err="CHECKPOINT")
        self.expect(self.call("check"), 1, err="GRANT pg_checkpoint TO plain")
        if int(self.sql("SHOW server_version_num")) >= 150000:
            self.sql("GRANT pg_checkpoint TO plain")
            self.expect(self.call("freeze", [self.mount]), 0, out="checkpoint done")
            self.expect(self.call("check"), 0)

    def test_no_time_left_goes_on_or_is_busy_as_set(self):
        self.expect(self.call("freeze", [self.mount], timeout_ms=1), 0, out="longer recovery")
        self.settings("ON_CHECKPOINT_TIMEOUT=busy\n")
        result = self.call("freeze", [self.mount], timeout_ms=1)
        self.expect(result, 75, err="the checkpoint is slow")
        self.assertIn("RETRY-AFTER=60\n", result.stdout)

    def test_a_wrong_setting_is_named_with_its_line(self):
        self.settings("ROLL=x\n")
        self.expect(self.call("freeze", [self.mount]), 1, err=f"{self.conf}:4: 'ROLL=x': known are ROLE,")

    def test_settings_are_data_not_code(self):
        self.settings("DATABASE=$(touch {0}/tmp/executed)\n".format(self.base))
        self.call("freeze", [self.mount])
        self.assertFalse((self.base / "tmp/executed").exists())

    # check

    def test_check_names_what_a_snapshot_will_not_hold(self):
        self.sql("CREATE UNLOGGED TABLE lost_on_restore(i int)")
        self.addCleanup(self.sql, "DROP TABLE lost_on_restore")
        result = self.call("check")
        self.expect(result, 0, out="UNLOGGED, empty after a restore: lost_on_restore")
        self.assertIn(f"{self.cluster} is on {self.mount}", result.stdout)
        self.assertNotIn("warning: fsync", result.stdout)


def lacking():
    if os.geteuid() != 0:
        return "root"
    if not BINARIES or not shutil.which("psql"):
        return "PostgreSQL"
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return "the user postgres"
    if not os.path.exists("/dev/loop-control"):
        return "loop devices"
    return None


if __name__ == "__main__":
    if lacking():
        print(f"skipped: needs {lacking()}")
        sys.exit(77)
    unittest.main(verbosity=2)
