#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent as a process: its name, its options and environment, its log, the background."""

import os
import re
import signal
import socket
import subprocess
import sys
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AGENT, AgentTest, alive, can_connect, main, wait_for  # noqa: E402

LOG_LINE = re.compile(r"\d+\.\d{6}: (error|warning|info|debug): \S")


def run_program(program, *options, **more):
    return subprocess.run([program, *options], capture_output=True, text=True, timeout=20,
                          check=False, stdin=subprocess.DEVNULL, **more)


class AsQemuGa(AgentTest):
    """A link named qemu-ga."""

    def setUp(self):
        super().setUp()
        self.link = os.path.join(self.directory, "qemu-ga")
        os.symlink(AGENT, self.link)
        self.file = os.path.join(self.directory, "file.conf")

    def write(self, text):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)

    def test_version_in_qemu_gas_words(self):
        self.assertRegex(run_program(self.link, "-V").stdout, r"\AQEMU Guest Agent \d+\.\d+\.\d+\n\Z")
        version = run_program(self.link, "--version", "--nonsense")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.agent.start()
        with self.agent.connect() as host:
            self.assertEqual("QEMU Guest Agent %s\n" % host.value("guest-info")["version"],
                             version.stdout)

    def test_defaults(self):
        self.write("")
        done = run_program(self.link, "-D", "-c", self.file)
        self.assertEqual(done.stdout,
                         "[general]\ndaemon=false\nmethod=virtio-serial\n"
                         "path=/dev/virtio-ports/org.qemu.guest_agent.0\n"
                         "pidfile=/var/run/qemu-ga.pid\nstatedir=/var/run\nverbose=false\n"
                         "retry-path=false\nblock-rpcs=\nallow-rpcs=\n")
        done = run_program(self.link, "-m", "isa-serial", "-D", "-c", self.file)
        self.assertIn("path=/dev/ttyS0\n", done.stdout)

    def test_a_file_is_qemu_gas_unless_it_is_clearly_ours(self):
        self.write("[other]\nunknown=1\n")
        self.assertEqual(run_program(self.link, "-D", "-c", self.file).returncode, 0)
        self.assertEqual(run_program(AGENT, "-D", "-c", self.file).returncode, 1)
        self.write("[agent]\nverbos=1\n")
        self.assertIn("unknown key", run_program(self.link, "-D", "-c", self.file).stderr)

    def test_complaints_come_from_qemu_ga(self):
        done = run_program(self.link, "-m", "pigeon")
        self.assertEqual(done.stderr.split(":")[0], "qemu-ga")
        done = run_program(self.link, "--nonsense")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "Unknown option, try '%s --help' for more information.\n" %
                         self.link)


class ConfigurationFile(AgentTest):
    """qemu-ga.conf as qemu-ga reads it."""

    def dump(self, text, *options):
        self.agent.configure(text)
        return run_program(AGENT, "-D", "-c", self.agent.config, *options)

    def test_booleans(self):
        for word, value in (("true", "true"), ("1", "true"), ("false", "false"), ("0", "false")):
            done = self.dump("[general]\nverbose=%s\n" % word)
            self.assertIn("verbose=%s\n" % value, done.stdout)
        for word in ("yes", "on", "TRUE", ""):
            done = self.dump("[general]\nverbose=%s\n" % word)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("error loading configuration from path: %s, " % self.agent.config,
                          done.stderr)

    def test_errors_and_what_is_passed_over(self):
        done = self.dump("[general]\nno key\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("error loading configuration from path: %s, " % self.agent.config,
                      done.stderr)
        done = self.dump("# comment\n[general]\nblacklist=guest-ping\nnew=1\n[other]\nx=y\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("block-rpcs=\n", done.stdout)
        missing = run_program(AGENT, "-c", "/nowhere", "-D")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("error loading configuration from path: /nowhere, ", missing.stderr)

    def test_the_command_line_wins_and_lists_add_up_in_order(self):
        done = self.dump("[general]\nmethod=isa-serial\npath=/a\nlogfile=/l\nfsfreeze-hook=/h\n"
                         "block-rpcs=one,two\nallow-rpcs=three\n",
                         "-m", "unix-listen", "-p", "/b", "-b", "four,five", "-b", "six", "-a", "")
        self.assertEqual(done.stdout,
                         "[general]\ndaemon=false\nmethod=unix-listen\npath=/b\nlogfile=/l\n"
                         "pidfile=/var/run/qemu-ga.pid\nfsfreeze-hook=/h\n"
                         "statedir=/run/frostline\nverbose=false\nretry-path=false\n"
                         "block-rpcs=one,two,four,five,six\nallow-rpcs=three\n")
        again = self.dump(done.stdout)
        self.assertEqual(again.stdout, done.stdout)

    def test_what_only_prints_needs_no_right_file(self):
        self.agent.configure("[general]\nverbose=yes\n")
        for option in ("-V", "-h", "-bhelp", "-a?"):
            done = run_program(AGENT, "-c", self.agent.config, option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_list_of_commands_is_the_agents(self):
        listed = run_program(AGENT, "-b", "help").stdout.split()
        with self.start() as host:
            known = [entry["name"] for entry in host.value("guest-info")["supported_commands"]]
        self.assertEqual(set(listed) - set(known), set())
        self.assertEqual(len(listed), len(set(listed)))


class Lists(AgentTest):
    """Allow and block lists of the file and the command line together."""

    def enabled(self, file, *options):
        self.agent.configure(file)
        self.agent.options = list(options)
        self.agent.start()
        try:
            with self.agent.connect() as host:
                return {entry["name"] for entry in host.value("guest-info")["supported_commands"]
                        if entry["enabled"]}
        finally:
            self.agent.stop()

    def test_they_add_up_and_semicolons_separate_too(self):
        everything = self.enabled("")
        blocked = self.enabled("[general]\nblock-rpcs=guest-ping;guest-sync\n",
                               "-b", "guest-fsfreeze-status", "-b", "guest-nonsense")
        self.assertEqual(everything - blocked,
                         {"guest-ping", "guest-sync", "guest-fsfreeze-status"})
        self.assertIn("guest-nonsense", self.agent.log_text())
        self.assertEqual(
            self.enabled("[general]\nallow-rpcs=guest-info\n", "-a", "guest-sync,guest-ping",
                         "--block-rpcs=guest-ping"), {"guest-info", "guest-sync"})
        self.assertEqual(self.enabled("[general]\nallow-rpcs=\n", "-a", ""), everything)


class DistributionDefaults(AgentTest):
    """--distribution-defaults, which the unit passes."""

    def dump(self, *options, **variables):
        return run_program(AGENT, "--distribution-defaults", "-D", *options,
                           env=dict(variables, QGA_CONF=self.agent.config))

    def test_they_lie_between_the_file_and_the_command_line(self):
        self.agent.configure("[general]\npath=/file\nlogfile=/file.log\nblock-rpcs=a\n")
        done = self.dump("-p", "/line", DAEMON_ARGS="-v -l '/var/log/a b'",
                         TRANSPORT="isa-serial:/dev/ttyS1", BLACKLIST_RPC="b,c",
                         FILTER_RPC_ARGS="--blacklist=d")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in ("method=isa-serial", "path=/line", "logfile=/var/log/a b", "verbose=true",
                     "block-rpcs=a,b,c,d"):
            self.assertIn(line + "\n", done.stdout)

    def test_without_the_option_the_environment_does_not_count(self):
        done = run_program(AGENT, "-D", env={"DAEMON_ARGS": "-v", "QGA_CONF": self.agent.config})
        self.assertIn("verbose=false\n", done.stdout)

    def test_they_may_name_the_configuration_file(self):
        other = os.path.join(self.directory, "other.conf")
        with open(other, "w", encoding="utf-8") as file:
            file.write("[general]\npath=/other\n")
        self.assertIn("path=/other\n", self.dump(DAEMON_ARGS="-c " + other).stdout)

    def test_the_service_manager_keeps_it_in_the_foreground(self):
        self.assertIn("daemon=false\n", self.dump(DAEMON_ARGS="--daemonize").stdout)

    def test_what_is_wrong_ends_it_and_names_the_variable(self):
        for value in ("--nonsense", "-F'/x", "-V", "-m pigeon"):
            done = self.dump(DAEMON_ARGS=value)
            self.assertEqual((done.returncode, done.stdout), (1, ""), value)
            self.assertIn("frostline-agent: DAEMON_ARGS in the environment: ", done.stderr)

    def test_what_they_forbid_is_forbidden(self):
        self.agent.options = ["--distribution-defaults"]
        environment = {"BLOCK_RPCS": "guest-ping", "FSFREEZE_HOOK_PATHNAME": "/nowhere/hook"}
        os.environ.update(environment)
        try:
            host = self.start()
        finally:
            for name in environment:
                del os.environ[name]
        self.assert_error(host.ask("guest-ping"), "has been disabled", "CommandNotFound")
        self.assertIn("warning: FSFREEZE_HOOK_PATHNAME: /nowhere/hook does not exist",
                      self.agent.log_text())


class Log(AgentTest):
    def test_lines_have_time_level_and_text(self):
        self.agent.options = ["-v"]
        with self.start() as host:
            host.value("guest-ping")
        self.agent.stop()
        first = self.agent.log_text().splitlines()
        self.assertGreater(len(first), 1)
        for line in first:
            self.assertRegex(line, LOG_LINE)
        self.assertEqual(os.stat(self.agent.log).st_mode & 0o777, 0o600)
        self.start().close()
        self.agent.stop()
        self.assertEqual(self.agent.log_text().splitlines()[:len(first)], first)  # appended

    def test_without_a_file_it_goes_to_standard_error(self):
        command = self.agent.command()
        at = command.index("-l")
        del command[at:at + 2]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd="/")
        try:
            wait_for(lambda: can_connect(self.agent.socket), "the agent's socket")
        finally:
            process.terminate()
        said = process.communicate(timeout=20)[1].splitlines()
        self.assertEqual(process.returncode, 0)
        self.assertTrue(said)
        for line in said:
            self.assertRegex(line, LOG_LINE)

    def test_a_file_that_cannot_be_opened_ends_it(self):
        done = run_program(*self.agent.command("-l", "/nowhere/log"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("unable to open specified log file /nowhere/log: No such file or directory",
                      done.stderr)

    def test_why_it_could_not_start_is_in_the_file_too(self):
        done = run_program(*self.agent.command("-p", "/nowhere/socket"))
        self.assertEqual(done.returncode, 1)
        for said in (done.stderr, self.agent.log_text()):
            self.assertIn("cannot listen on /nowhere/socket: No such file or directory", said)


class Readiness(AgentTest):
    """What a service manager hears (sd_notify(3)): one datagram a message."""

    def listen(self, address):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(address)
        manager.settimeout(10)
        return manager

    def start_told(self, value):
        with unittest.mock.patch.dict(os.environ, NOTIFY_SOCKET=value):
            self.agent.start()

    def test_ready_and_stopping_reach_a_path_and_an_abstract_name(self):
        path = os.path.join(self.directory, "notify.sock")
        for address, value in ((path, path), ("\0frostline-%d" % os.getpid(),
                                              "@frostline-%d" % os.getpid())):
            manager = self.listen(address)
            self.start_told(value)
            self.assertEqual(manager.recv(100), b"READY=1")
            with self.agent.connect() as host:
                self.assertEqual(host.value("guest-ping"), {})
            self.assertEqual(self.agent.stop(), 0)
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_a_manager_that_cannot_be_told_is_a_warning(self):
        for value, why in ((os.path.join(self.directory, "nobody.sock"), "No such file"),
                           ("tcp:127.0.0.1:1", "neither a path nor an abstract name"),
                           ("/" + "x" * 200, "neither a path nor an abstract name")):
            self.start_told(value)
            wait_for(lambda: "manager: READY=1: " in self.agent.log_text(), "the warning")
            self.assertIn(why, self.agent.log_text())
            with self.agent.connect() as host:
                self.assertEqual(host.value("guest-ping"), {})
            self.assertEqual(self.agent.stop(), 0)
            os.unlink(self.agent.log)


class Background(AgentTest):
    """-d"""

    def setUp(self):
        super().setUp()
        self.pid_file = os.path.join(self.directory, "pid")

    def launch(self, *options, prefix=()):
        return run_program(*prefix, *self.agent.command("-d", "-f", self.pid_file, *options))

    def pid(self):
        with open(self.pid_file, encoding="ascii") as file:
            return int(file.read())

    def end(self, pid):
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), "the agent to end")

    def test_it_leaves_the_terminal_and_its_folder(self):
        self.assertEqual(self.launch().returncode, 0)
        pid = self.pid()
        try:
            self.assertEqual(os.stat(self.pid_file).st_mode & 0o777, 0o600)
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
            for fd in range(3):
                self.assertEqual(os.readlink("/proc/%d/fd/%d" % (pid, fd)), "/dev/null")
            self.assertEqual(os.getsid(pid), pid)
            with open("/proc/%d/status" % pid, encoding="ascii") as file:
                self.assertIn("Umask:\t0077\n", file.read())
        finally:
            self.end(pid)
        self.assertFalse(os.path.exists(self.pid_file))

    def test_a_second_one_says_no_and_leaves_the_first_ones_pid_file(self):
        self.assertEqual(self.launch().returncode, 0)
        pid = self.pid()
        try:
            second = self.launch("-p", os.path.join(self.directory, "other.sock"))
            self.assertEqual(second.returncode, 1)
            self.assertIn("Cannot lock pid file %s" % self.pid_file, second.stderr)
            self.assertEqual(self.pid(), pid)
            with self.agent.connect() as host:  # the channel is untouched as well
                self.assertEqual(host.value("guest-ping"), {})
        finally:
            self.end(pid)

    def test_one_that_cannot_open_its_channel_says_so_by_its_exit_status(self):
        failed = self.launch("-p", "/nowhere/socket")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("cannot listen on /nowhere/socket", failed.stderr)
        self.assertFalse(os.path.exists(self.pid_file))

    def test_a_pid_file_that_was_left_is_taken_over(self):
        with open(self.pid_file, "w", encoding="ascii") as file:
            file.write("999999999\nleft by a crash\n")
        self.assertEqual(self.launch().returncode, 0)
        pid = self.pid()
        self.assertTrue(alive(pid))
        self.end(pid)

    def test_without_it_no_pid_file_is_written(self):
        self.agent.options = ["-f", self.pid_file]
        self.start()
        self.assertFalse(os.path.exists(self.pid_file))

    def test_without_a_log_file_it_logs_to_syslog(self):
        """In a /dev of its own, where this test is the logger."""
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(log.close)
        log.settimeout(10)
        log.bind(os.path.join(self.directory, "log"))
        # The test's directory may lie in /dev/shm.
        prepare = ("cd %s && mkdir dev && mount -t tmpfs tmpfs dev && mknod -m 666 dev/null c 1 3 "
                   "&& mknod -m 666 dev/urandom c 1 9 && ln -s %s/log dev/log && mkdir dev/shm && "
                   "mount --bind /dev/shm dev/shm && mount --rbind dev /dev && exec \"$@\"" %
                   (self.directory, self.directory))
        command = self.agent.command("-d", "-f", self.pid_file)
        at = command.index("-l")
        del command[at:at + 2]
        done = run_program("unshare", "-m", "sh", "-c", prepare, "sh", *command)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = self.pid()
        try:
            with self.agent.connect() as host:
                host.value("guest-ping")
            while b"audit: guest-ping: ok" not in (line := log.recv(8192)):
                pass
            # LOG_DAEMON and LOG_INFO, as syslog(3) puts them
            self.assertRegex(line, rb"\A<30>.* frostline-agent\[%d\]: " % pid)
        finally:
            self.end(pid)


if __name__ == "__main__":
    main()
