# SPDX-License-Identifier: Apache-2.0
"""Many freezes one after the other, under load: nothing is left behind.

FROSTLINE_LAB_CYCLES says how many; docs/testing.md has the result of a run of a thousand.
"""

import os
import time

from lab.fixture import BUSY
from lab.volumes import VolumeTest

CYCLES = int(os.environ.get("FROSTLINE_LAB_CYCLES", "30"))
WARM_UP = 10  # until then the agent's memory may grow: buffers, threads, what is loaded late
HOOK = "/etc/frostline/hooks.d/50-lab"


class Cycles(VolumeTest):
    def left_behind(self):
        """What grows when something leaks: descriptors, threads, private memory in KiB, processes."""
        pid = self.agent_pid()
        return [int(number) for number in self.shell.check(
            f"ls /proc/{pid}/fd | wc -l; ls /proc/{pid}/task | wc -l;"
            f"awk '/^Private/ {{ sum += $2 }} END {{ print sum }}' /proc/{pid}/smaps_rollup;"
            "wc -l < /sys/fs/cgroup/system.slice/frostline-agent.service/cgroup.procs;"
            "echo /proc/[0-9]* | wc -w; ls /run/frostline | wc -l").split()]

    def test_nothing_is_left_behind(self):
        self.volumes.make("first", "second")
        self.put(HOOK, "#!/bin/sh\nexit 0\n", 0o755)
        # Some hundred writes a second without a process for each, so that the guest has time left.
        self.put("/run/lab-load.pl", "while (1) { for my $name (qw(first second)) {"
                 " open my $out, '>', qq(/mnt/$name/load); print $out rand() x 2000; close $out;"
                 " rename qq(/mnt/$name/load), qq(/mnt/$name/loaded);"
                 " select undef, undef, undef, 0.005 } }")
        self.shell.check("systemd-run -q --collect --unit=lab-load perl /run/lab-load.pl")
        self.addCleanup(self.shell.run, "systemctl stop lab-load")
        client = self.qga()
        paths = ["/mnt/first", "/mnt/second"]
        began = time.monotonic()
        first = []
        for number in range(WARM_UP + CYCLES):
            if number == WARM_UP:
                client.command("frostline-status")
                first = self.left_behind()
            if number % 100 == 99:
                print(f"{number + 1} after {time.monotonic() - began:.0f} s", flush=True)
            self.assertEqual(client.command("guest-fsfreeze-freeze-list", mountpoints=paths), 2)
            self.assertEqual(client.command("guest-fsfreeze-thaw"), 2)
        self.wait_state(client, "idle")
        last = self.left_behind()
        print(f"{CYCLES} cycles in {time.monotonic() - began:.0f} s; descriptors, threads, KiB, "
              f"processes of the service, of all, run files: {first} then {last}")
        self.assertEqual(last[0], first[0], "descriptors")
        self.assertLessEqual(last[1], first[1], "threads")
        self.assertLess(last[2], first[2] + 512, "private memory in KiB")
        self.assertEqual(last[3], 1, "processes of the service")
        self.assertLess(last[4], first[4] + 5, "processes")
        self.assertEqual(last[5], first[5], "files in /run/frostline")
        self.assert_written(self.start_writes() + self.writes("first", "second"), BUSY)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
