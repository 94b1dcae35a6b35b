# SPDX-License-Identifier: Apache-2.0
"""A frozen guest without memory, and a frozen guest whose memory is saved and comes back later."""

import time

from lab import fixture
from lab.fixture import BUSY
from lab.qga import QgaError

# Three children, one after the other, take memory until the kernel kills them.
HOG = """
my $kills = 0;
select undef, undef, undef, 0.1 until -e '/run/lab-go';
for (1 .. 3) {
    if (fork == 0) { my @x; push @x, 'x' x (1 << 20) while 1 }
    wait;
    $kills++ if ($? & 127) == 9;
}
open my $out, '>', '/run/lab-kills' or die $!;
print $out "$kills\\n";
"""


class Memory(fixture.GuestTest):
    def test_memory_runs_out_while_everything_is_frozen(self):
        """Nothing can be written back, so nothing but a kill makes room; agent and guard live."""
        self.put("/run/lab-hog.pl", HOG)
        self.shell.check("rm -f /run/lab-go /run/lab-kills; systemd-run -q --collect "
                         "--unit=lab-hog -p OOMPolicy=continue perl /run/lab-hog.pl")
        self.addCleanup(self.shell.run, "systemctl stop lab-hog")
        client = self.qga()
        agent = self.agent_pid()
        count = client.command("guest-fsfreeze-freeze")
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.shell.check("touch /run/lab-go")
        ended = self.shell.start("until test -s /run/lab-kills; do :; done; cat /run/lab-kills", 50)
        slowest = 0
        while not ended.done(0.2):
            began = time.monotonic()
            self.assertEqual(client.command("guest-ping"), {})
            slowest = max(slowest, time.monotonic() - began)
        self.assertEqual(ended.result(1).output.strip(), "3", "the kernel ended no hog")
        self.assertLess(slowest, BUSY)
        print(f"slowest ping without memory: {slowest * 1000:.0f} ms")
        self.assert_blocked(writes, 0)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), count)
        self.assert_written(writes, BUSY)
        self.assertEqual(self.agent_pid(), agent)


class Saved(fixture.GuestTest):
    def test_a_guest_restored_from_its_frozen_memory_thaws_itself(self):
        """What hypervisors' memory snapshots and a managed save do: nobody is left to say thaw."""
        self.addCleanup(fixture.end_shared_guest)
        client = self.qga()
        client.command("frostline-freeze", deadline_ms=15000)
        # Not by start_write(): its answer would come to a shell that knows nothing of it.
        self.shell.check("rm -f /run/lab-wrote; setsid sh -c 'echo probe > /root/probe &&"
                         " echo probe > /srv/pgdata/probe && touch /run/lab-wrote'"
                         " > /dev/null 2>&1 < /dev/null &")
        self.hang_up()
        memory = self.guest.folder / "memory"
        self.guest.save_memory(memory)
        self.guest.restore_memory(memory)
        self.assertEqual(self.guest.shell.run("test -e /run/lab-wrote").status, 1,
                         "it was not frozen any more when it came back")
        self.guest.shell.check("until test -e /run/lab-wrote; do :; done", 15 + 1 + BUSY)
        client = self.qga()
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.assertEqual(client.command("frostline-status")["last"]["outcome"], "expired")
        with self.assertRaisesRegex(QgaError, "fsfreeze is limited to 15s"):
            client.command("guest-fsfreeze-thaw")
