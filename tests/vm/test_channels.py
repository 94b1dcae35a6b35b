# SPDX-License-Identifier: Apache-2.0
"""The channels besides the unit's virtio port, and what the unit takes from qemu-ga's files."""

import json

from lab import fixture
from lab.fixture import BUSY
from lab.qga import Qga

CLOCK_TICK = 0.01  # seconds, of /proc/PID/stat
SECOND = "lab-second"  # the unit of an agent beside the service's

# A vsock client: vsock.pl PORT. Writes what it reads on standard input and prints one line per
# line written. In sockaddr_vm: family, reserved, port, context, rest (linux/vm_sockets.h).
VSOCK_CLIENT = r"""
my ($af_vsock, $local) = (40, 1);
socket(my $s, $af_vsock, 1, 0) or die "socket: $!\n";
connect($s, pack("SSLLx4", $af_vsock, 0, $ARGV[0], $local)) or die "connect: $!\n";
$| = 1;
while (my $request = <STDIN>) {
    syswrite($s, $request);
    my $reply = "";
    while ($reply !~ /\n/) { sysread($s, $reply, 65536, length $reply) or die "closed\n"; }
    print $reply;
}
"""

# Asks and never reads, until nothing more goes out for a second; then stays.
VSOCK_DEAF = r"""
use Fcntl;
my ($af_vsock, $local) = (40, 1);
socket(my $s, $af_vsock, 1, 0) or die "socket: $!\n";
connect($s, pack("SSLLx4", $af_vsock, 0, $ARGV[0], $local)) or die "connect: $!\n";
fcntl($s, F_SETFL, O_RDWR | O_NONBLOCK);
my $request = qq({"execute": "guest-info"}\n) x 40;
my $w = ""; vec($w, fileno $s, 1) = 1;
while (select(undef, my $ready = $w, undef, 1)) { syswrite($s, $request); }
open(my $mark, ">", $ARGV[1]); close $mark;
sleep 600;
"""

# Does to all who have a terminal open what the kernel does when its carrier is lost: makes it its
# own controlling terminal (TIOCSCTTY) and hangs that up (vhangup(2)).
HANG_UP = r"""
use POSIX ();
if (my $child = fork()) { waitpid($child, 0); exit($? >> 8); }
POSIX::setsid();
$SIG{HUP} = "IGNORE";
open(my $line, "+<", $ARGV[0]) or die "open: $!\n";
ioctl($line, 0x540E, 1) or die "TIOCSCTTY: $!\n";
syscall(153) == 0 or die "vhangup: $!\n";
"""


class ChannelTest(fixture.GuestTest):
    def second_agent(self, *options):
        """Starts another agent in the guest, which ends with the test."""
        self.addCleanup(self.end_second)
        self.end_second()
        self.shell.check(f"systemd-run --quiet --unit={SECOND} /usr/sbin/frostline-agent "
                         f"-t /run/{SECOND} " + " ".join(options))

    def end_second(self):
        self.shell.run(f"systemctl stop {SECOND}; systemctl reset-failed {SECOND}")

    def second_pid(self):
        return int(self.shell.check(f"systemctl show -p MainPID --value {SECOND}"))

    def processor_time(self):
        fields = self.shell.check(f"cat /proc/{self.second_pid()}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * CLOCK_TICK

    def assert_idle(self):
        before = self.processor_time()
        self.shell.check("sleep 3")
        self.assertLessEqual(self.processor_time() - before, 0.3)

    def assert_ends_soon(self):
        self.shell.check(f"systemctl kill {SECOND}")
        self.wait_guest(f"! systemctl --quiet is-active {SECOND}", BUSY)

    def write(self, path, text):
        """Makes a file in the guest."""
        self.shell.check(f"mkdir -p $(dirname {path}); "
                         f"printf %s {text.encode().hex()} | "
                         f"perl -e 'print pack(\"H*\", <STDIN>)' > {path}")

    def wait_guest(self, condition, limit=30):
        """Waits until a shell command in the guest succeeds."""
        self.shell.check(f"until {condition}; do sleep 0.1; done", limit)

    def wait_log(self, text):
        """Waits until this run of the second agent has logged that."""
        run = self.shell.check(f"systemctl show -p InvocationID --value {SECOND}").strip()
        self.wait_guest(f"journalctl _SYSTEMD_INVOCATION_ID={run} -o cat | grep -qF '{text}'")


class SerialLine(ChannelTest):
    """-m isa-serial, on the guest's second serial line."""

    def setUp(self):
        super().setUp()
        self.second_agent("-m", "isa-serial", "-p", "/dev/ttyS1")
        self.wait_log("channel open")

    def test_hosts_that_come_and_go(self):
        for _ in range(5):
            with Qga(self.guest.serial_socket) as client:
                client.sync()
                self.assertEqual(client.command("guest-ping"), {})
                client.send("guest-info")  # nobody reads that
        with Qga(self.guest.serial_socket) as client:
            client.send_raw(b'{"execute": "guest-pi')
        with Qga(self.guest.serial_socket) as client:
            client.sync()
            self.assertIn("version", client.command("guest-info"))

    def test_hang_up(self):
        with Qga(self.guest.serial_socket) as client:
            client.sync()
            self.write("/run/hang-up.pl", HANG_UP)
            self.shell.check("perl /run/hang-up.pl /dev/ttyS1")
            self.wait_log("the serial line was hung up")
            client.sync()
            self.assertEqual(client.command("guest-ping"), {})

    def test_host_that_does_not_read(self):
        with Qga(self.guest.serial_socket) as client:
            client.sync()
            for _ in range(200):
                client.send("guest-info")
            # The line is slow without KVM; what doesn't fit stays in the sockets between.
            self.assert_idle()
            self.assert_ends_soon()


class Vsock(ChannelTest):
    """-m vsock-listen, by the loopback inside the guest."""

    PORT = 5000

    def setUp(self):
        super().setUp()
        loaded = self.shell.run("modprobe vsock_loopback")
        if loaded.status != 0:
            self.skipTest(f"the guest's kernel has no vsock loopback: {loaded.output}")
        self.second_agent("-m", "vsock-listen", "-p", f"1:{self.PORT}")
        self.wait_log("channel open")
        self.write("/run/vsock-client.pl", VSOCK_CLIENT)
        self.write("/run/vsock-deaf.pl", VSOCK_DEAF)

    def ask(self, *commands):
        requests = "".join(json.dumps({"execute": name}) + "\n" for name in commands)
        replies = self.shell.check(f"printf '%s' '{requests}' | "
                                   f"perl /run/vsock-client.pl {self.PORT}", 30)
        return [json.loads(line) for line in replies.splitlines()]

    def test_clients_one_after_the_other(self):
        for _ in range(3):
            answers = self.ask("guest-ping", "guest-info", "guest-nonsense")
            self.assertEqual(answers[0], {"return": {}})
            self.assertIn("version", answers[1]["return"])
            self.assertEqual(answers[2]["error"]["class"], "CommandNotFound")

    def test_client_that_does_not_read(self):
        self.shell.run("rm -f /run/deaf")
        self.shell.check(f"systemd-run --quiet --unit=lab-deaf perl /run/vsock-deaf.pl {self.PORT} "
                         "/run/deaf")
        self.addCleanup(self.shell.run, "systemctl stop lab-deaf; systemctl reset-failed lab-deaf")
        self.wait_guest("test -e /run/deaf")
        self.assert_idle()
        waiting = self.shell.start("echo '{\"execute\": \"guest-ping\"}' | "
                                   f"perl /run/vsock-client.pl {self.PORT}", 60)
        self.assertFalse(waiting.done(1), "served two clients at a time")
        self.shell.check("systemctl kill -s KILL lab-deaf")
        answer = waiting.result(30)
        self.assertEqual((answer.status, json.loads(answer.output)), (0, {"return": {}}))
        self.assert_idle()

    def test_sigterm_while_a_client_does_not_read(self):
        self.test_client_that_does_not_read()
        self.shell.run("rm -f /run/deaf")
        self.shell.run("systemctl reset-failed lab-deaf")
        self.shell.check(f"systemd-run --quiet --unit=lab-deaf perl /run/vsock-deaf.pl {self.PORT} "
                         "/run/deaf")
        self.wait_guest("test -e /run/deaf")
        self.assert_ends_soon()


class LatePort(ChannelTest):
    NAME = "org.frostline.lab.late"

    def test_port_that_comes_after_the_agent(self):
        path = self.guest.folder / "late.sock"
        self.second_agent("-r", "-p", f"/dev/virtio-ports/{self.NAME}")
        self.wait_log("waiting for the port")
        self.assert_idle()
        self.guest.qmp.command("chardev-add", id="late", backend={
            "type": "socket", "data": {"server": True, "wait": False, "addr": {
                "type": "unix", "data": {"path": str(path)}}}})
        self.guest.qmp.forget_events()
        self.guest.qmp.command("device_add", driver="virtserialport", bus="serial0.0", id="late0",
                               chardev="late", name=self.NAME)
        self.addCleanup(self.unplug)
        self.guest.qmp.wait_event("VSERPORT_CHANGE", 30, id="late0", open=True)
        with Qga(path) as client:
            client.sync()
            self.assertEqual(client.command("guest-ping"), {})

    def unplug(self):
        self.guest.qmp.forget_events()
        self.guest.qmp.command("device_del", id="late0")
        self.guest.qmp.wait_event("DEVICE_DELETED", 20, device="late0")
        self.guest.qmp.command("chardev-remove", id="late")


class Service(ChannelTest):
    """The unit, in a guest that was set up for qemu-ga."""

    DROP_IN = "/etc/systemd/system/qemu-guest-agent.service.d/lab.conf"
    FILES = f"/etc/default/qemu-guest-agent /etc/sysconfig/qemu-ga /etc/qemu/qemu-ga.conf {DROP_IN}"

    def setUp(self):
        super().setUp()
        self.addCleanup(self.put_back)

    def put_back(self):
        self.hang_up()
        self.shell.check(f"rm -f {self.FILES} /run/lab-agent.log")
        self.restart()

    def restart(self):
        self.shell.check("systemctl daemon-reload; systemctl reset-failed frostline-agent; "
                         "systemctl restart frostline-agent", 60)
        self.guest.wait_agent(60)

    def disabled(self):
        return {entry["name"] for entry in self.qga().command("guest-info")["supported_commands"]
                if not entry["enabled"]}

    def test_debians_and_red_hats_files(self):
        self.write("/etc/default/qemu-guest-agent",
                   "# Debian's\nDAEMON_ARGS=\"-v -l '/run/lab-agent.log'\"\n"
                   "TRANSPORT=virtio-serial:/dev/virtio-ports/org.qemu.guest_agent.0\n")
        self.write("/etc/sysconfig/qemu-ga",
                   "# Red Hat's, of several generations\n"
                   "BLACKLIST_RPC=frostline-list-hooks,guest-nonsense\n"
                   "FILTER_RPC_ARGS=\"--blacklist=guest-fsfreeze-freeze-list\"\n"
                   "FSFREEZE_HOOK_PATHNAME=/etc/qemu-ga/fsfreeze-hook\n")
        self.restart()
        self.assertEqual(self.disabled(), {"frostline-list-hooks", "guest-fsfreeze-freeze-list"})
        log = self.shell.check("cat /run/lab-agent.log")
        self.assertIn("audit: guest-info: ok", log)
        self.assertIn("FSFREEZE_HOOK_PATHNAME: /etc/qemu-ga/fsfreeze-hook does not exist", log)
        pid = self.agent_pid()
        self.assertIn("frostline-agent", self.shell.check(f"cat /proc/{pid}/comm"))

    def test_what_is_wrong_in_them_is_said(self):
        self.write("/etc/default/qemu-guest-agent", "DAEMON_ARGS=--nonsense\n")
        self.shell.run("systemctl daemon-reload; systemctl restart frostline-agent")
        self.wait_guest("journalctl -u frostline-agent -o cat | grep -qF "
                        "'DAEMON_ARGS in the environment: an option that does not exist'")

    def test_a_drop_in_that_runs_qemu_ga(self):
        self.write("/etc/qemu/qemu-ga.conf", "[general]\nblock-rpcs=guest-sync;frostline-status\n")
        self.write(self.DROP_IN, "[Service]\nExecStart=\nExecStart=/usr/sbin/qemu-ga -v "
                                 "--block-rpcs=frostline-list-hooks\n")
        self.restart()
        self.assertEqual(self.disabled(),
                         {"guest-sync", "frostline-status", "frostline-list-hooks"})
        pid = self.agent_pid()
        self.assertEqual(self.shell.check(f"cat /proc/{pid}/comm").strip(), "qemu-ga")
        # What lives for a run is where the unit's recovery looks for it.
        self.shell.check("test -S /run/frostline/control.sock && ! test -e /run/control.sock")
        self.assertIn("QEMU Guest Agent ", self.shell.check("/usr/sbin/qemu-ga -V"))
