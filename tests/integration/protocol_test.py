#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wire: what upstream's own tests assert, and input that no honest host would send."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AGENT, AgentTest, main, wait_for  # noqa: E402


class UpstreamCases(AgentTest):
    """qemu-ga's unit tests, for the commands that are there."""

    def test_sync_delimited(self):
        host = self.start()
        host.send(b"\xff" + b"{'execute': 'guest-sync-delimited', 'arguments': {'id': 4022250974}}")
        host.read_line()  # the error that our own 0xFF has caused
        self.assertEqual(host.read_line(), b'\xff{"return": 4022250974}')

    def test_sync_in_single_quotes(self):
        host = self.start()
        host.send("{'execute': 'guest-sync', 'arguments': {'id': 1234567890123}}")
        self.assertEqual(host.read(), {"return": 1234567890123})

    def test_ping_and_id(self):
        host = self.start()
        self.assertEqual(host.ask("guest-ping"), {"return": {}})
        self.assertEqual(host.ask("guest-ping", id=1), {"return": {}, "id": 1})
        self.assertEqual(host.ask("guest-ping", id=None), {"return": {}, "id": None})

    def test_invalid_requests(self):
        host = self.start()
        host.send("{'exec-oob': 'guest-ping'}")
        self.assert_error(host.read(), "QMP input member 'exec-oob' is unexpected")
        reply = host.ask("guest-ping", {"foo": 42})
        self.assertEqual(reply["error"], {"class": "GenericError",
                                          "desc": "Parameter 'foo' is unexpected"})
        self.assert_error(host.ask("guest-nonsense"),
                          "The command guest-nonsense has not been found", "CommandNotFound")

    def test_info(self):
        host = self.start()
        info = host.value("guest-info")
        version = subprocess.run([AGENT, "-V"], check=True, capture_output=True, text=True).stdout
        self.assertIn(info["version"], version)
        names = [entry["name"] for entry in info["supported_commands"]]
        self.assertEqual(names[-4:], ["guest-info", "guest-ping", "guest-sync",
                                      "guest-sync-delimited"])
        for entry in info["supported_commands"]:
            self.assertEqual(sorted(entry), ["enabled", "name", "success-response"])
            self.assertTrue(entry["enabled"])

    def test_fsfreeze_status(self):
        self.assertEqual(self.start().value("guest-fsfreeze-status"), "thawed")

    def test_control_socket_is_for_root_only(self):
        self.start()
        path = os.path.join(self.agent.run, "control.sock")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with self.agent.control() as one, self.agent.control() as two:
            self.assertEqual(one.value("guest-ping"), {})
            self.assertEqual(two.value("frostline-status")["state"], "idle")

    def test_sigterm_exits_with_0(self):
        self.start()
        self.assertEqual(self.agent.stop(signal.SIGTERM), 0)


class Blocked(AgentTest):
    options = ("-b", "guest-ping,guest-get-time")

    def test_blocked_ones_are_disabled_and_say_so(self):
        host = self.start()
        self.assert_error(host.ask("guest-ping"), "has been disabled", "CommandNotFound")
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        enabled = {entry["name"]: entry["enabled"]
                   for entry in host.value("guest-info")["supported_commands"]}
        self.assertFalse(enabled["guest-ping"])
        self.assertTrue(enabled["guest-sync"])


class Allowed(AgentTest):
    options = ("-a", "guest-ping")

    def test_only_the_allowed_ones_run(self):
        host = self.start()
        self.assertEqual(host.value("guest-ping"), {})
        self.assert_error(host.ask("guest-fsfreeze-status"), "has been disabled",
                          "CommandNotFound")


class BadInput(AgentTest):
    """Every case ends with a valid request that is answered."""

    def ping(self, host):
        host.send("\n{\"execute\": \"guest-sync\", \"arguments\": {\"id\": 77}}\n")
        while True:
            reply = host.read()
            if reply.get("return") == 77:
                return
            if reply != {"return": {}, "id": 1}:
                self.assertIn("error", reply)

    def test_garbage(self):
        host = self.start()
        host.send(bytes(range(256)) * 64)
        host.send(b"\xff")
        self.ping(host)

    def test_0xff_anywhere(self):
        host = self.start()
        request = b'{"execute": "guest-ping", "id": 1}'
        for place in range(len(request)):
            host.send(request[:place] + b"\xff" + request[place:])
            host.send(b"\xff")
            self.ping(host)

    def test_invalid_utf8_and_nul(self):
        host = self.start()
        for text in (b"\xc3\x28", b"\xe2\x82", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"):
            host.send(b'{"execute": "' + text + b'"}')
            self.ping(host)
        host.send(b'{"execute": "guest-ping\\u0000x"}')
        self.assert_error(host.read(), "has not been found", "CommandNotFound")
        self.ping(host)

    def test_numbers_outside_64_bits(self):
        host = self.start()
        for number in ("9223372036854775808", "18446744073709551616", "1e400", "-1e999", "1.0"):
            host.send('{"execute": "guest-sync", "arguments": {"id": %s}}' % number)
            self.assert_error(host.read(), "Invalid parameter type for 'id', expected: integer")
        host.send('{"execute": "guest-sync", "arguments": {"id": -9223372036854775808}}')
        self.assertEqual(host.read(), {"return": -9223372036854775808})

    def test_nesting(self):
        host = self.start()
        before = self.agent.memory()
        host.send(b"[" * 1000000)
        host.send(b"\xff")
        self.ping(host)
        self.assertLess(self.agent.memory() - before, 64 << 20)

    def test_a_message_without_an_end_has_a_bound(self):
        host = self.start()
        chunk = b"x" * (1 << 20)
        host.send(b'{"execute": "')
        highest = 0
        for _ in range(200):
            host.send(chunk)
            highest = max(highest, self.agent.memory())
        self.assertLess(highest, 220 << 20)
        host.send(b"\xff")
        self.ping(host)
        wait_for(lambda: self.agent.memory() < 64 << 20, "the memory to come back")

    def test_a_byte_at_a_time(self):
        host = self.start()
        host.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for byte in b'{"execute": "guest-sync", "arguments": {"id": 5}}':
            host.send(bytes([byte]))
        self.assertEqual(host.read(), {"return": 5})

    def test_ten_thousand_requests_in_one_write(self):
        host = self.start()
        requests = b"".join(b'{"execute":"guest-sync","arguments":{"id":%d}}' % number
                            for number in range(10000))
        host.send(requests)
        for number in range(10000):
            self.assertEqual(host.read(), {"return": number})


class Peers(AgentTest):
    """Hosts that come, go, and do not read."""

    def test_a_host_that_does_not_read_costs_nothing_and_sigterm_works(self):
        host = self.start()
        host.socket.setblocking(False)
        request = b'{"execute": "guest-info"}' * 400
        stuck_since = None
        while stuck_since is None or time.monotonic() - stuck_since < 0.5:
            try:
                host.socket.send(request)
                stuck_since = None
            except BlockingIOError:
                stuck_since = stuck_since or time.monotonic()
                select.select([], [host.socket], [], 0.05)
        before = self.agent.cpu_seconds()
        begin = time.monotonic()
        self.assertTrue(wait_for(lambda: time.monotonic() - begin > 2, "two seconds"))
        self.assertLess(self.agent.cpu_seconds() - before, 0.1)
        self.assertLess(self.agent.memory(), 64 << 20)
        self.assertEqual(self.agent.stop(timeout=5), 0)

    def test_a_host_that_goes_while_a_reply_is_pending_costs_nothing(self):
        host = self.start()
        host.send(b'{"execute": "guest-info"}' * 4000)
        host.close()
        with self.agent.connect() as next_host:
            self.assertEqual(next_host.value("guest-ping"), {})
            before = self.agent.cpu_seconds()
            begin = time.monotonic()
            wait_for(lambda: time.monotonic() - begin > 1, "a second")
            self.assertLess(self.agent.cpu_seconds() - before, 0.05)

    def test_each_host_starts_afresh(self):
        host = self.start()
        host.send(b'{"execute": "guest-pi')
        host.close()
        for _ in range(50):
            with self.agent.connect() as next_host:
                self.assertEqual(next_host.ask("guest-ping"), {"return": {}})

    def test_one_host_at_a_time(self):
        first = self.start()
        self.assertEqual(first.value("guest-ping"), {})
        with self.agent.connect() as second:
            second.send('{"execute": "guest-ping"}')
            self.assertTrue(second.silent(0.3))
            first.close()
            self.assertEqual(second.read(), {"return": {}})

    def test_a_half_closed_host_gets_its_answers(self):
        host = self.start()
        host.send('{"execute": "guest-ping", "id": 1}{"execute": "guest-ping", "id": 2}')
        host.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(host.read()["id"], 1)
        self.assertEqual(host.read()["id"], 2)
        self.assertIsNone(host.read_line())


class CommandLine(AgentTest):
    """The program itself, before it serves."""

    def run_agent(self, *options, **more):
        return subprocess.run([AGENT, *options], capture_output=True, text=True, timeout=10,
                              check=False, **more)

    def test_dump_with_upstreams_sample(self):
        sample = os.path.join(self.directory, "sample.conf")
        with open(sample, "w", encoding="utf-8") as file:
            file.write("[general]\ndaemon=false\nmethod=virtio-serial\npath=/path/to/org.qemu\n"
                       "pidfile=/var/foo/qemu-ga.pid\nstatedir=/var/state\nverbose=true\n"
                       "block-rpcs=guest-ping;guest-get-time\n")
        done = self.run_agent("-D", env={"QGA_CONF": sample})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("[general]\ndaemon=false\n"))
        for line in ("method=virtio-serial", "path=/path/to/org.qemu", "verbose=true",
                     "pidfile=/var/foo/qemu-ga.pid", "statedir=/var/state",
                     "block-rpcs=guest-ping;guest-get-time"):
            self.assertIn(line + "\n", done.stdout)

    def test_help_lists_and_errors(self):
        self.assertEqual(self.run_agent("-h").returncode, 0)
        listing = self.run_agent("-b", "help")
        self.assertEqual(listing.returncode, 0)
        self.assertIn("guest-ping\n", listing.stdout)
        unknown = self.run_agent("--nonsense")
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("Unknown option, try '%s --help' for more information." % AGENT,
                      unknown.stdout)
        self.assertIn("unsupported channel method/type: pigeon",
                      self.run_agent("-m", "pigeon").stdout)

    def test_bad_configuration_names_the_place_and_what_is_right(self):
        self.agent.configure("[freeze]\n# a comment\ndeadline=soon\n")
        for more in ((), ("--check-config",)):
            done = subprocess.run(self.agent.command(*more), capture_output=True, text=True,
                                  timeout=10, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("%s:3: [freeze] deadline: 'soon' is no duration" % self.agent.config,
                          done.stderr)
            self.assertIn("60s", done.stderr)

    def test_methods_to_come_say_so(self):
        done = self.run_agent("-m", "vsock-listen", "-p", "3:1234", "-t", self.agent.run,
                              "-c", self.agent.config)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not supported yet", done.stderr)

    def test_daemonize_waits_until_ready_and_locks_its_pid_file(self):
        pid_file = os.path.join(self.directory, "pid")
        command = self.agent.command("-d", "-f", pid_file)
        self.assertEqual(subprocess.run(command, timeout=10, check=False).returncode, 0)
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read())
        try:
            with self.agent.connect() as host:
                self.assertEqual(host.value("guest-ping"), {})
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
            other = os.path.join(self.directory, "other.sock")
            second = subprocess.run([*command, "-p", other], capture_output=True, text=True,
                                    timeout=10, check=False)
            self.assertEqual(second.returncode, 1)
            self.assertIn("Cannot lock pid file", second.stderr)
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not os.path.exists(pid_file), "the agent to end")

    def test_the_log_tells_commands_but_not_their_arguments(self):
        host = self.start()
        host.value("guest-sync", {"id": 123456789})
        self.assertIn("audit: guest-sync: ok", self.agent.log_text())
        self.assertNotIn("123456789", self.agent.log_text())


if __name__ == "__main__":
    main()
