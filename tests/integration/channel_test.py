#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ways to the agent besides the virtio port: serial line, vsock, sockets passed by a service
manager; and what becomes of them when a host leaves, does not read, or was never there."""

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AGENT, AgentTest, Connection, main, wait_for  # noqa: E402

VSOCK_LOCAL = 1  # VMADDR_CID_LOCAL


class Terminal:
    """The host's end of a serial line: what Connection asks of a socket."""

    def __init__(self, master):
        self.master = master
        self.timeout = None

    def settimeout(self, seconds):
        self.timeout = seconds

    def sendall(self, data):
        while data:
            data = data[os.write(self.master, data):]

    def recv(self, most):
        if not select.select([self.master], [], [], self.timeout)[0]:
            raise socket.timeout
        return os.read(self.master, most)

    def fileno(self):
        return self.master

    def close(self):
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


def over(link):
    """A Connection over something that is connected already."""
    connection = Connection.__new__(Connection)
    connection.socket = link
    connection.buffer = b""
    return connection


class ChannelTest(AgentTest):
    def launch(self, *options, **more):
        """Starts the agent with these options for its channel."""
        command = [AGENT, "-t", self.agent.run, "-l", self.agent.log, "-c", self.agent.config,
                   "--hooks-dir", self.agent.hooks, "--guard-program", self.agent.guard, *options]
        self.agent.process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL,
                                              stderr=subprocess.PIPE, text=True, **more)
        self.addCleanup(self.agent.process.stderr.close)

    def wait_log(self, text, times=1):
        wait_for(lambda: self.agent.process.poll() is not None or
                 self.agent.log_text().count(text) >= times, "the log to tell: " + text)
        self.assertIsNone(self.agent.process.poll(), "the agent has ended")

    def ends_with(self, status, *texts):
        process = self.agent.process
        said = process.stderr.read()
        self.assertEqual(process.wait(10), status, said)
        for text in texts:
            self.assertIn(text, said)

    def assert_idle(self, seconds=1.0):
        """No processor time worth the name goes by."""
        before = self.agent.cpu_seconds()
        begin = time.monotonic()
        wait_for(lambda: time.monotonic() - begin > seconds, "a while")
        self.assertLess(self.agent.cpu_seconds() - before, 0.1 * seconds)

    def stop_reading(self, link):
        """Asks until nothing more can be written, since nobody reads the replies."""
        os.set_blocking(link.fileno(), False)
        request = b'{"execute": "guest-info"}\n' * 40
        stuck = None
        while stuck is None or time.monotonic() - stuck < 0.5:
            try:
                os.write(link.fileno(), request)
                stuck = None
            except BlockingIOError:
                stuck = stuck or time.monotonic()
                select.select([], [link], [], 0.05)


class SerialLine(ChannelTest):
    """A pseudo terminal stands in for the line; closing its master hangs up."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.directory, "line")
        self.terminal = None

    def plug(self):
        """A fresh line at the path, still in the mode of a terminal that people type at."""
        master, slave = pty.openpty()
        name = os.ttyname(slave)
        os.close(slave)
        if os.path.lexists(self.path):
            os.unlink(self.path)
        os.symlink(name, self.path)
        self.terminal = Terminal(master)
        self.addCleanup(self.terminal.close)
        return over(self.terminal)

    def is_raw(self):
        return not termios.tcgetattr(self.terminal.master)[3] & termios.ECHO

    def launch_on_line(self, *options):
        self.launch("-m", "isa-serial", "-p", self.path, *options)
        wait_for(lambda: self.agent.process.poll() is not None or self.is_raw(), "the line")

    def test_commands_pass_unchanged(self):
        host = self.plug()
        self.launch_on_line()
        host.send(b"\xff\n")
        self.assert_error(host.read(), "")
        host.send('{"execute": "guest-sync-delimited", "arguments": {"id": 7}}\n')
        self.assertEqual(host.read_line(), b'\xff{"return": 7}')
        for number in range(100):
            self.assertEqual(host.ask("guest-ping", id=number), {"return": {}, "id": number})
        # What terminals take for signals, flow control and the end of the file are errors here.
        for character in b"\x03\x04\x11\x13\x1a\x1c":
            host.send(bytes([character]) + b"\n")
            self.assert_error(host.read(), "")
        self.assertEqual(self.agent.stop(), 0)

    def test_large_requests_and_replies_come_whole(self):
        host = self.plug()
        self.launch_on_line()
        host.send('{"execute": "guest-ping", "id": "%s"}\n' % ("x" * 200000))
        self.assertEqual(len(host.read()["id"]), 200000)

    def test_after_a_hang_up_the_line_is_opened_again(self):
        host = self.plug()
        self.launch_on_line()
        self.assertEqual(host.value("guest-ping"), {})
        host.send('{"execute": "guest-pi')  # nothing of it may reach the next line
        old = self.terminal
        host = self.plug()
        old.close()
        wait_for(self.is_raw, "the line to be opened again")
        self.assertEqual(host.value("guest-ping"), {})
        self.assertEqual(self.agent.stop(), 0)

    def test_a_line_that_is_away_after_a_hang_up_costs_nothing(self):
        host = self.plug()
        self.launch_on_line()
        self.assertEqual(host.value("guest-ping"), {})
        os.unlink(self.path)
        self.terminal.close()
        self.wait_log("the serial line was hung up")
        self.assert_idle()
        host = self.plug()
        wait_for(self.is_raw, "the line to be opened again", 20)
        self.assertEqual(host.value("guest-ping"), {})

    def test_a_host_that_does_not_read_costs_nothing_and_sigterm_works(self):
        self.plug()
        self.launch_on_line()
        self.stop_reading(self.terminal)
        self.assert_idle()
        self.assertEqual(self.agent.stop(timeout=5), 0)

    def test_a_hang_up_while_a_reply_is_pending_costs_nothing(self):
        self.plug()
        self.launch_on_line()
        self.stop_reading(self.terminal)
        old = self.terminal
        host = self.plug()
        old.close()
        wait_for(self.is_raw, "the line to be opened again")
        self.assert_idle()
        self.assertEqual(host.value("guest-ping"), {})

    def test_a_line_that_is_missing_at_the_start(self):
        self.launch("-m", "isa-serial", "-p", self.path)
        self.ends_with(1, "cannot open " + self.path + ": No such file or directory")
        self.agent.process = None
        self.launch("-m", "isa-serial", "-p", self.path, "-r")
        self.wait_log("trying again")
        self.assert_idle()
        host = self.plug()
        wait_for(self.is_raw, "the line to be opened", 20)
        self.assertEqual(host.value("guest-ping"), {})

    def test_what_is_no_line_says_so(self):
        self.launch("-m", "isa-serial", "-p", "/dev/null")
        self.ends_with(1, "cannot use /dev/null as a serial line: ")


class UnixSocket(ChannelTest):
    def test_a_listener_that_is_no_file_is_left_alone(self):
        os.mkdir(self.agent.socket)
        self.launch("-m", "unix-listen", "-p", self.agent.socket)
        self.ends_with(1, "cannot remove " + self.agent.socket)

    def test_paths_that_cannot_be(self):
        self.launch("-m", "unix-listen")
        self.ends_with(1, "must specify a path for this channel")
        self.launch("-m", "unix-listen", "-p", "/" + "x" * 120, "-r")  # waiting would be no use
        self.ends_with(1, "UNIX socket path '/" + "x" * 120 + "' is too long")
        self.agent.process = None

    def test_retry_goes_on_until_it_can_listen(self):
        folder = os.path.join(self.directory, "later")
        path = os.path.join(folder, "sock")
        self.launch("-m", "unix-listen", "-p", path)
        self.ends_with(1, "cannot listen on " + path)
        self.launch("-m", "unix-listen", "-p", path, "-r")
        self.wait_log("trying again")
        self.assert_idle()
        os.mkdir(folder)
        wait_for(lambda: os.path.exists(path), "the socket", 20)
        with Connection(path) as host:
            self.assertEqual(host.value("guest-ping"), {})
        self.assertEqual(self.agent.stop(), 0)
        self.assertTrue(os.path.exists(path))  # as qemu-ga leaves it

    def test_a_virtio_port_that_is_missing_is_waited_for_and_costs_nothing(self):
        path = os.path.join(self.directory, "port")
        self.launch("-p", path)
        self.wait_log("waiting for the port")
        self.assert_idle()
        with self.agent.control() as control:
            self.assertEqual(control.value("guest-ping"), {})
        self.assertEqual(self.agent.stop(timeout=5), 0)


class Vsock(ChannelTest):
    def test_wrong_addresses(self):
        for address, said in (("3", "error parsing address '3'"), ("", "must specify a path"),
                              ("a:3", "Failed to parse cid 'a'"),
                              ("1:-3", "Failed to parse port '-3'")):
            with self.subTest(address):
                self.launch("-m", "vsock-listen", "-p", address)
                self.ends_with(1, said)
        self.agent.process = None

    def test_loopback(self):
        try:
            with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as probe:
                probe.bind((VSOCK_LOCAL, socket.VMADDR_PORT_ANY))
                port = probe.getsockname()[1]
        except OSError as error:
            self.skipTest("no vsock loopback on this kernel (%s); tests/vm has the test in a guest"
                          % error)
        self.launch("-m", "vsock-listen", "-p", "%d:%d" % (VSOCK_LOCAL, port))
        self.wait_log("channel open")
        first = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        first.connect((VSOCK_LOCAL, port))
        host = over(first)
        self.assertEqual(host.value("guest-ping"), {})
        second = over(socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM))
        second.socket.connect((VSOCK_LOCAL, port))
        second.send('{"execute": "guest-ping"}')
        self.assertTrue(second.silent(0.3))
        self.stop_reading(first)
        self.assert_idle()
        first.close()
        self.assertEqual(second.read(), {"return": {}})
        self.assert_idle()
        second.close()
        self.assertEqual(self.agent.stop(), 0)


class SocketActivation(ChannelTest):
    """As a socket unit does it: listening descriptors from 3 on, and variables that say so."""

    def launch_with(self, *sockets, **variables):
        def arrange():
            # First out of the way, then to their places.
            copies = [os.dup2(one.fileno(), 100 + number) for number, one in enumerate(sockets)]
            for number, copy in enumerate(copies):
                os.dup2(copy, 3 + number)
                os.close(copy)

        environment = dict(os.environ, LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES="agent",
                           **variables)
        command = [AGENT, "-t", self.agent.run, "-l", self.agent.log, "-c", self.agent.config,
                   "--hooks-dir", self.agent.hooks, "--guard-program", self.agent.guard,
                   "-m", "isa-serial", "-p", "/nowhere"]  # don't count
        shell = ["sh", "-c", 'LISTEN_PID=${LISTEN_PID-$$} exec "$@"', "sh", *command]
        self.agent.process = subprocess.Popen(
            shell, cwd="/", env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, preexec_fn=arrange, close_fds=False)
        self.addCleanup(self.agent.process.stderr.close)

    def listener(self, family=socket.AF_UNIX):
        listening = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(listening.close)
        if family == socket.AF_UNIX:
            self.path = os.path.join(self.directory, "passed-%d" % listening.fileno())
            listening.bind(self.path)
        listening.listen(1)
        return listening

    def test_the_passed_socket_is_served_and_kept(self):
        self.launch_with(self.listener())
        self.wait_log("channel open")
        for _ in range(3):
            with Connection(self.path) as host:
                self.assertEqual(host.value("guest-ping"), {})
        self.assertEqual(self.agent.stop(), 0)
        self.assertTrue(os.path.exists(self.path))  # the service manager's, not ours

    def test_the_wrong_number_kind_or_process(self):
        self.launch_with(self.listener(), self.listener())
        self.ends_with(1, "qemu-ga only supports listening on one socket")
        self.launch_with(self.listener(socket.AF_INET))
        self.ends_with(1, "unsupported listen fd type")
        self.launch_with(self.listener(), LISTEN_PID="1")  # meant for another process
        self.ends_with(1, "cannot open /nowhere")
        self.agent.process = None

    def test_a_passed_socket_that_is_shut_down_ends_the_agent_with_an_error(self):
        listening = self.listener()
        self.launch_with(listening)
        self.wait_log("channel open")
        listening.shutdown(socket.SHUT_RDWR)
        # The kernel wakes nobody for that, but the agent may have been awake just then: it may be
        # gone before, or while, something else wakes it.
        with contextlib.suppress(OSError):
            with self.agent.control() as control:
                control.send('{"execute": "guest-ping"}')
        self.ends_with(1, "cannot accept clients on the socket passed for unix-listen")


class Signals(ChannelTest):
    def test_sigint_and_sigterm_end_with_0_and_others_do_no_harm(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            host = self.start()
            os.kill(self.agent.process.pid, signal.SIGHUP)
            os.kill(self.agent.process.pid, signal.SIGPIPE)
            self.assertEqual(host.value("guest-ping"), {})
            host.close()
            self.assertEqual(self.agent.stop(number), 0)
        self.assertIn("SIGHUP ignored", self.agent.log_text())


if __name__ == "__main__":
    main()
