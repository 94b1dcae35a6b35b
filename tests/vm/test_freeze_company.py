# SPDX-License-Identifier: Apache-2.0
"""What else lives in a guest and gets in a freeze's way: hooks without end, malware scanners, swap
files, other people's freezes and mounts that come and go."""

import time

from lab.fixture import BUSY
from lab.qga import QgaError
from lab.volumes import VolumeTest

HOOK = "/etc/frostline/hooks.d/50-lab"
CALLS = "/run/lab-hook"

# Is asked before any file of / is opened, and writes each question down before it says yes.
LISTENER = """
my ($log, $root) = (shift, "/root");
open my $out, '>>', $log or die "$log: $!";
my $listener = syscall(300, 0x4 | 0x1, 0);  # fanotify_init: FAN_CLASS_CONTENT | FAN_CLOEXEC
die "fanotify_init: $!" if $listener < 0;
# fanotify_mark: FAN_MARK_ADD | FAN_MARK_FILESYSTEM; FAN_OPEN_PERM
syscall(301, $listener, 0x1 | 0x100, 0x10000, -100, $root) == 0 or die "fanotify_mark: $!";
open my $events, '+<&=', $listener or die $!;
syswrite STDOUT, "listening\\n";
while (sysread $events, my $batch, 4096) {
    while (length $batch >= 24) {
        my ($length, undef, undef, undef, undef, undef, $fd, $pid) = unpack 'L C C S L L l l', $batch;
        substr($batch, 0, $length) = '';
        syswrite $out, "$pid\\n";
        syswrite $events, pack 'l L', $fd, 1;
        syscall(3, $fd);  # close
    }
}
"""


class Hooks(VolumeTest):
    def test_a_hook_that_never_ends_and_cannot_be_asked_to(self):
        """Its limit ends it and everything it has started, and the freeze; nothing was frozen."""
        self.volumes.make("one")
        self.put("/usr/local/lib/lab-hook", "#!/bin/bash\n"
                       f"echo $1 >> {CALLS}\n"
                       "[ $1 = freeze ] || exit 0\n"
                       "trap '' TERM\n"
                       "setsid sleep 4321 &\n"
                       "while :; do read -t 1 <> <(:); done\n", 0o755)
        self.put(f"{HOOK}.hook", "[Hook]\nExec=/usr/local/lib/lab-hook\nFreezeTimeout=2s\n")
        self.shell.check(f": > {CALLS}")
        client = self.qga()
        began = time.monotonic()
        with self.assertRaisesRegex(QgaError, "50-lab"):
            self.freeze(client, "/mnt/one")
        self.assertLess(time.monotonic() - began, 2 + 2 + BUSY / 2)
        self.assert_written(self.writes("one"), BUSY)
        self.wait_state(client, "idle")
        self.assertEqual(self.shell.check(f"cat {CALLS}").split(), ["freeze", "thaw"])
        self.assert_agent_alone()

    def test_a_freeze_that_its_asker_gave_up_never_happens(self):
        """The hook ends long after the host has said so."""
        self.volumes.make("one")
        self.put(HOOK, f"#!/bin/sh\necho $1 >> {CALLS}\n[ $1 != freeze ] || sleep 4\n", 0o755)
        self.shell.check(f": > {CALLS}")
        self.qga().send("guest-fsfreeze-freeze-list", mountpoints=["/mnt/one"])
        self.shell.check(f"until grep -q freeze {CALLS}; do :; done", BUSY)
        client = self.qga()  # its sync says so
        self.wait_state(client, "idle")
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.shell.check("sleep 5")
        self.assert_written(self.writes("one"), BUSY)
        self.assertEqual(client.command("frostline-status")["last"]["outcome"], "aborted")
        self.assertEqual(self.shell.check(f"cat {CALLS}").split(), ["freeze", "thaw"])


class Others(VolumeTest):
    def hazards(self):
        answer = self.shell.run("frostlinectl check", 60)
        self.assertIn(answer.status, (0, 5), answer.output)
        return answer.output

    def listen(self, log):
        self.put("/run/lab-listener.pl", LISTENER)
        self.shell.check("rm -f /run/lab-listening; systemd-run -q --collect --unit=lab-listener "
                         "-p StandardOutput=file:/run/lab-listening "
                         f"perl /run/lab-listener.pl {log};"
                         "until grep -qs listening /run/lab-listening; do :; done", 30)
        self.addCleanup(self.shell.run, "systemctl kill -s KILL lab-listener")

    def test_a_scanner_that_writes_to_what_is_frozen(self):
        """Whoever opens a file of / while it waits for the frozen file system waits with it: the
        agent and the guard open none."""
        self.volumes.make("scans")
        client = self.qga()
        self.listen("/mnt/scans/log")
        self.assertRegex(self.hazards(), r"perl \(process \d+\) is asked before files are opened")
        _, rows = self.freeze(client, "/mnt/scans", deadline_ms=30000)
        self.assertEqual(rows["/mnt/scans"]["result"], "frozen")
        opening = self.shell.start("true", 60)  # to begin with, bash
        self.assert_blocked([opening])
        for command in ("guest-ping", "frostline-status", "guest-fsfreeze-status"):
            began = time.monotonic()
            client.command(command)
            self.assertLess(time.monotonic() - began, BUSY, command)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)
        self.assertTrue(opening.done(BUSY), "the scanner still waits")

    def test_the_deadline_comes_through_a_scanner_that_waits(self):
        self.volumes.make("scans")
        client = self.qga()
        self.listen("/mnt/scans/log")
        self.freeze(client, "/mnt/scans", deadline_ms=3000)
        opening = self.shell.start("true", 60)
        self.assert_blocked([opening])
        self.assertTrue(opening.done(3 + 1 + BUSY), "the scanner still waits")
        with self.assertRaisesRegex(QgaError, "fsfreeze is limited"):
            client.command("guest-fsfreeze-thaw")

    def test_a_swap_file_on_what_is_frozen(self):
        """The kernel goes on swapping below the file system, which is the hazard, and nobody waits."""
        swap = "/srv/pgwal/lab-swap"
        self.shell.check(f"dd if=/dev/zero of={swap} bs=1M count=128 status=none; chmod 600 {swap};"
                         f"mkswap -q {swap}; swapon {swap}", 60)
        self.addCleanup(self.shell.run, f"swapoff {swap}; rm {swap}", 60)
        self.assertIn(f"the swap file {swap} lies on /srv/pgwal", self.hazards())
        client = self.qga()
        self.freeze(client, "/srv/pgwal", deadline_ms=60000, hooks=False)
        writes = [self.start_write("/srv/pgwal/probe")]
        self.assert_blocked(writes)
        self.put("/run/lab-hog.pl", "my @x; push @x, chr($_) x (1 << 20) for 1 .. 90;"
                 "$_ .= 'x' for @x; open my $done, '>', '/run/lab-swapped';")
        self.shell.check("rm -f /run/lab-swapped; systemd-run -q --collect --unit=lab-hog"
                         " -p MemoryMax=48M perl /run/lab-hog.pl;"
                         "until test -e /run/lab-swapped; do :; done;"
                         "test $(awk '/^pswpout/ { print $2 }' /proc/vmstat) -gt 0", 50)
        self.assert_blocked(writes, 0)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)
        self.assert_written(writes, BUSY)

    def test_what_somebody_else_has_frozen_stays_so(self):
        self.volumes.make("ours", "theirs")
        self.shell.check("fsfreeze -f /mnt/theirs")
        client = self.qga()
        with self.assertRaisesRegex(QgaError, "/mnt/theirs"):
            self.freeze(client, "/mnt/ours", "/mnt/theirs")
        theirs = self.writes("theirs")
        self.assert_written(self.writes("ours"), BUSY)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 0)
        self.assert_blocked(theirs)
        self.configure("[freeze]\nforeign=report\n")
        client = self.qga()
        _, rows = self.freeze(client, "/mnt/ours", "/mnt/theirs")
        self.assertEqual(rows["/mnt/ours"]["result"], "frozen")
        self.assertNotEqual(rows["/mnt/theirs"]["result"], "frozen")
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)
        self.assert_written(self.writes("ours"), BUSY)
        # Neither a stop nor a recovery nor a deadline thaws it.
        self.hang_up()
        self.shell.check(f"systemctl restart {self.agent_unit}", 60)
        self.guest.wait_agent(60)
        self.assert_blocked(theirs)
        self.shell.check("fsfreeze -u /mnt/theirs")
        self.assert_written(theirs, BUSY)

    def test_mounts_that_come_and_go_between_plan_and_freeze(self):
        """A hook takes one away and brings another: the plan stands, and everything is let go."""
        self.volumes.make("stays", "goes", "comes")
        self.shell.check("umount /mnt/comes")
        self.put(HOOK, "#!/bin/sh\n[ $1 = freeze ] || exit 0\n"
                       "umount -l /mnt/goes && mount /dev/mapper/lab-comes /mnt/comes\n", 0o755)
        client = self.qga()
        report = client.command("frostline-freeze", deadline_ms=30000)
        results = {row["mountpoint"]: row["result"] for row in report["filesystems"]}
        self.assertEqual(results["/mnt/stays"], "frozen")
        self.assertEqual(results["/mnt/goes"], "frozen")  # it was opened before
        self.assertNotIn("/mnt/comes", results)
        writes = self.writes("stays")
        self.assert_blocked(writes)
        self.assert_written(self.writes("comes"), BUSY)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), len(results))
        self.assert_written(writes, BUSY)
        # A file system that was still frozen could be mounted, but not written to.
        self.shell.check("mount /dev/mapper/lab-goes /mnt/goes")
        self.assert_written(self.writes("goes"), BUSY)

    def test_a_mount_that_goes_while_frozen(self):
        """Its descriptor is open, so it is thawed although its path leads elsewhere by then."""
        self.volumes.make("goes", "hides")
        client = self.qga()
        self.freeze(client, "/mnt/goes", "/mnt/hides", deadline_ms=30000)
        self.shell.check("umount -l /mnt/goes; mount -t tmpfs none /mnt/hides")
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 2)
        self.shell.check("umount /mnt/hides; mount /dev/mapper/lab-goes /mnt/goes")
        self.assert_written(self.writes("goes", "hides"), BUSY)
