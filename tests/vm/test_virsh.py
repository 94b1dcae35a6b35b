# SPDX-License-Identifier: Apache-2.0
"""Every verb of virsh that asks the guest agent, with a real libvirtd and a real guest."""

import base64
import json
import time

from lab import virsh_fixture
from lab.fixture import BUSY

# Of "secret", by the salt given here; openssl passwd -6 -salt labsalt secret.
ENCRYPTED = ("$6$labsalt$leYP1O/SwaG7fbW7P8PsNALxP8zLSliGjNZI80V.j4yytxGrI2SXlPBJnogfPEG3"
             "BvTABDgzPtKzGJoNlMA.S0")
KEYS = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrostlineLabKeyNumberOne0000000000000 one@lab",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFrostlineLabKeyNumberTwo0000000000000 two@lab"]


def table(text):
    """Lines of "name : value" as a dictionary."""
    return dict((part.strip() for part in line.split(":", 1))
                for line in text.splitlines() if ":" in line)


def rows(text):
    """The words of each line below a table's heading."""
    return [line.split() for line in text.splitlines()[2:] if line.strip()]


class Time(virsh_fixture.VirshTest):
    def guest_seconds(self):
        return float(self.shell.check("date +%s.%N"))

    def domtime(self):
        return int(table(self.guest.check("domtime"))["Time"])

    def test_tells_the_time(self):
        before = self.guest_seconds()
        told = self.domtime()
        self.assertGreaterEqual(told, int(before))
        self.assertLessEqual(told, self.guest_seconds() + 1)

    def test_sets_a_given_time(self):
        self.addCleanup(self.guest.check, "domtime", "--now")
        self.guest.check("domtime", "--time", 1_900_000_000)
        self.assertAlmostEqual(self.guest_seconds(), 1_900_000_000, delta=BUSY)
        self.assertAlmostEqual(self.domtime(), 1_900_000_000, delta=BUSY)

    def test_sets_the_hosts_time(self):
        self.guest.check("domtime", "--time", 1_000_000_000)
        self.guest.check("domtime", "--now")
        self.assertAlmostEqual(self.guest_seconds(), time.time(), delta=BUSY)

    def test_takes_the_time_of_the_hardware_clock(self):
        self.shell.check("date -s @1000000000")
        self.guest.check("domtime", "--sync")
        self.assertAlmostEqual(self.guest_seconds(), time.time(), delta=BUSY)


class Accounts(virsh_fixture.VirshTest):
    def password(self, user):
        return self.shell.check(f"grep ^{user}: /etc/shadow").split(":")[1]

    def test_sets_a_password(self):
        self.guest.check("set-user-password", "root", "sec ret:§")
        stored = self.password("root")
        hashed = self.shell.check(
            f"perl -e 'print crypt(\"sec ret:\\xc2\\xa7\", $ARGV[0])' '{stored}'")
        self.assertEqual(hashed, stored)

    def test_sets_an_encrypted_password(self):
        self.guest.check("set-user-password", "--encrypted", "root", ENCRYPTED)
        self.assertEqual(self.password("root"), ENCRYPTED)

    def test_password_of_nobody_is_an_error(self):
        self.assert_refused("nosuchuser", "set-user-password", "nosuchuser", "secret")

    def keys(self):
        # Debian 12's virsh puts nothing between the keys that it prints.
        return self.guest.check("get-user-sshkeys", "root").replace("\n", "")

    def test_ssh_keys(self):
        kept = "/root/.ssh/authorized_keys"
        self.shell.check("rm -rf /root/.ssh")
        self.addCleanup(self.shell.run, "rm -rf /root/.ssh")
        files = []
        for number, key in enumerate(KEYS):
            files.append(self.guest.folder / f"key{number}")
            files[-1].write_text(key + "\n")
        self.guest.check("set-user-sshkeys", "root", "--file", files[0])
        self.assertEqual(self.shell.check(f"stat -c '%a %U' {kept}"), "600 root\n")
        self.assertEqual(self.keys(), KEYS[0])
        self.guest.check("set-user-sshkeys", "root", "--file", files[1])
        self.assertEqual(self.keys(), "".join(KEYS))
        self.guest.check("set-user-sshkeys", "root", "--file", files[0], "--remove")
        self.assertEqual(self.shell.check(f"cat {kept}"), KEYS[1] + "\n")
        self.guest.check("set-user-sshkeys", "root", "--file", files[0], "--reset")
        self.assertEqual(self.shell.check(f"cat {kept}"), KEYS[0] + "\n")


class Processors(virsh_fixture.VirshTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.shell.run, "echo 1 > /sys/devices/system/cpu/cpu1/online")

    def online(self):
        return self.shell.check("cat /sys/devices/system/cpu/online").strip()

    def test_takes_one_away_and_gives_it_back(self):
        self.guest.check("setvcpus", 1, "--guest")
        self.assertEqual(self.online(), "0")
        self.assertEqual(self.guest.check("vcpucount", "--guest", "--live").strip(), "1")
        self.guest.check("setvcpus", 2, "--guest")
        self.assertEqual(self.online(), "0-1")

    def test_guestvcpus(self):
        self.guest.check("guestvcpus", "--disable", "--cpulist", "1")
        self.assertEqual(self.online(), "0")
        shown = table(self.guest.check("guestvcpus"))
        self.assertEqual((shown["vcpus"], shown["online"], shown["offlinable"]),
                         ("0-1", "0", "1"))
        self.guest.check("guestvcpus", "--enable", "--cpulist", "1")
        self.assertEqual(self.online(), "0-1")

    def test_the_first_stays(self):
        self.assert_refused("(?i)cpu", "guestvcpus", "--disable", "--cpulist", "0")
        self.assertEqual(self.online(), "0-1")


class Information(virsh_fixture.VirshTest):
    def test_addresses(self):
        self.shell.check("card=$(ls /sys/class/net | grep -v lo) && "
                         "busybox ip address replace 10.0.2.15/24 dev $card && "
                         "busybox ip link set $card up")
        told = rows(self.guest.check("domifaddr", "--source", "agent"))
        self.assertIn(["52:54:00:f0:57:01", "ipv4", "10.0.2.15/24"], [row[1:] for row in told])
        self.assertIn(["lo", "00:00:00:00:00:00", "ipv4", "127.0.0.1/8"], told)

    def test_file_systems(self):
        told = rows(self.guest.check("domfsinfo"))
        # The target is libvirt's own name of the disk, found by the address that the agent tells.
        self.assertCountEqual(told, [["/", "vda", "ext4", "vda"],
                                     ["/srv/pgdata", "vdb", "xfs", "vdb"],
                                     ["/srv/pgwal", "vdc", "ext4", "vdc"]])
        self.assertEqual(told[0][0], "/", "not in the order in which they were mounted")

    def test_host_name(self):
        self.assertEqual(self.guest.check("domhostname", "--source", "agent").strip(), "lab-guest")

    def test_everything(self):
        told = table(self.guest.check("guestinfo"))
        expected = {"user.count": "0", "os.id": "debian", "os.version-id": "12",
                    "timezone.offset": "0", "hostname": "lab-guest", "fs.count": "3",
                    "disk.count": "3", "disk.0.alias": "vda", "disk.0.serial": "root",
                    "if.0.name": "lo", "if.1.hwaddr": "52:54:00:f0:57:01"}
        self.assertEqual({name: told.get(name) for name in expected}, expected)

    def test_each_part_alone(self):
        for option, name in (("--user", "user.count"), ("--os", "os.machine"),
                             ("--timezone", "timezone.name"), ("--hostname", "hostname"),
                             ("--filesystem", "fs.0.mountpoint"), ("--disk", "disk.0.name"),
                             ("--interface", "if.0.name")):
            with self.subTest(option):
                self.assertIn(name, table(self.guest.check("guestinfo", option)))


class FileSystems(virsh_fixture.VirshTest):
    def test_trim(self):
        wal = self.guest.disks["pgwal"]
        self.shell.check("dd if=/dev/urandom of=/srv/pgwal/ballast bs=1M count=32 && sync && "
                         "rm /srv/pgwal/ballast && sync")
        before = wal.stat().st_blocks
        self.guest.check("domfstrim")
        self.assertLess(wal.stat().st_blocks, before - 32 * 1024)  # blocks of 512 bytes, half of it

    def test_trim_with_a_minimum(self):
        self.guest.check("domfstrim", "--minimum", 1 << 20)

    def test_trim_of_one_file_system_is_refused_by_libvirt(self):
        self.assert_refused("mount point", "domfstrim", "--mountpoint", "/")

    def test_freeze_and_thaw(self):
        self.assertIn("3 filesystem(s)", self.guest.check("domfsfreeze"))
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.assertIn("3 filesystem(s)", self.guest.check("domfsthaw"))
        self.assert_written(writes, BUSY)

    def test_freeze_of_two(self):
        self.assertIn("2 filesystem(s)", self.guest.check(
            "domfsfreeze", "--mountpoint", "/srv/pgwal", "/srv/pgdata"))
        held = [self.start_write(f"/srv/{name}/probe") for name in ("pgdata", "pgwal")]
        self.assert_blocked(held)
        self.assert_written([self.start_write("/root/probe")], BUSY)
        self.assertIn("2 filesystem(s)", self.guest.check("domfsthaw"))
        self.assert_written(held, BUSY)

    def test_freeze_of_half_a_database_is_refused(self):
        self.assert_refused("hook 20-postgresql: .*a part of it is left out of the freeze",
                            "domfsfreeze", "--mountpoint", "/srv/pgwal")
        self.assert_nothing_frozen()


class Raw(virsh_fixture.VirshTest):
    def test_ids_errors_and_text(self):
        reply = json.loads(self.guest.check(
            "qemu-agent-command", '{"execute":"guest-sync","arguments":{"id":1795720542858}}'))
        self.assertEqual(reply, {"return": 1795720542858})
        self.assert_refused("The command guest-nothing has not been found",
                            "qemu-agent-command", '{"execute":"guest-nothing"}')

    def test_program(self):
        started = self.agent("guest-exec", path="/bin/echo", arg=["über", "$HOME"],
                             capture_output=True)
        until = time.monotonic() + BUSY
        while not (ended := self.agent("guest-exec-status", pid=started["pid"]))["exited"]:
            self.assertLess(time.monotonic(), until)
        self.assertEqual(base64.b64decode(ended["out-data"]).decode(), "über $HOME\n")

    def test_largest_reply_that_a_client_can_receive(self):
        self.shell.check("dd if=/dev/urandom of=/srv/pgdata/large bs=1M count=8")
        self.addCleanup(self.shell.run, "rm -f /srv/pgdata/large")
        handle = self.agent("guest-file-open", path="/srv/pgdata/large", mode="r")
        content = b""
        while True:
            part = self.agent("guest-file-read", handle=handle, count=48 << 20)
            content += base64.b64decode(part["buf-b64"])
            if part["eof"]:
                break
        self.agent("guest-file-close", handle=handle)
        self.assertEqual(len(content), 8 << 20)
        # And the channel is as good as before.
        self.assertEqual(self.agent("guest-ping"), {})

    def test_agent_that_starts_again(self):
        self.shell.check("systemctl restart frostline-agent")
        self.wait_connected()
        self.assertEqual(self.guest.check("domhostname", "--source", "agent").strip(), "lab-guest")

    def test_daemon_that_starts_again(self):
        self.libvirt.restart()
        self.assertEqual(self.guest.check("domhostname", "--source", "agent").strip(), "lab-guest")


class HostTool(virsh_fixture.VirshTest):
    """Frostline's own host tool against libvirt."""

    def frostline(self, verb, *arguments):
        run = self.libvirt.frostline(self.programs, verb, self.guest.name, *arguments)
        self.assertEqual(run.status, 0, f"{verb}: {run.output}{run.errors}")
        return run.output

    def test_ping_info_status_and_hooks(self):
        self.frostline("ping")
        self.assertIn("frostline", self.frostline("info"))
        self.assertIn("idle", self.frostline("status"))
        self.assertIn("postgresql", self.frostline("hooks"))

    def test_freeze_and_thaw(self):
        self.frostline("freeze", "--deadline", "60s")
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.frostline("thaw")
        self.assert_written(writes, BUSY)

    def test_guest_that_is_not_there(self):
        run = self.libvirt.frostline(self.programs, "ping", "nosuchguest")
        self.assertNotEqual(run.status, 0)
        self.assertIn("nosuchguest", run.errors)
