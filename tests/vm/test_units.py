# SPDX-License-Identifier: Apache-2.0
"""Units of systemd that the hook stops, or holds still, around a freeze."""

from lab import fixture
from lab.qga import QgaError

CONFIG = "/etc/frostline/hooks/units.conf"


class Units(fixture.GuestTest):
    """lab-still uses the processor all the time, lab-stop says when it is asked to end."""

    def setUp(self):
        super().setUp()
        self.mask_shipped_hooks(but="80-units.hook")
        self.put("/run/lab-still.sh", "while :; do :; done")
        self.put("/run/lab-stop.sh", "trap 'echo stopped >> /run/lab-stops; exit' TERM;"
                                     "while :; do read -t 0.2 <> <(:); done")
        self.shell.check("rm -f /run/lab-stops")
        for name in ("lab-still", "lab-stop"):
            self.put(f"/run/systemd/system/{name}.service",
                     f"[Service]\nExecStart=/bin/bash /run/{name}.sh\n")
        self.shell.check("systemctl daemon-reload; systemctl start lab-still lab-stop")
        self.addCleanup(self.shell.run, "echo 0 > /sys/fs/cgroup/system.slice/lab-still.service/cgroup.freeze;"
                        "systemctl stop lab-still lab-stop")

    def state(self, unit, what="ActiveState"):
        return self.shell.check(f"systemctl show -p {what} --value {unit}").strip()

    def is_running(self):
        usage = "grep usage_usec /sys/fs/cgroup/system.slice/lab-still.service/cpu.stat"
        return self.shell.run(f"before=$({usage}); sleep 1; test \"$before\" != \"$({usage})\""
                              ).status == 0

    def freeze(self):
        client = self.qga()
        report = client.command("frostline-freeze", mountpoints=["/srv/pgdata", "/srv/pgwal"],
                                deadline_ms=60000, limit=100)
        return client, {row["name"]: row["result"] for row in report["hooks"]}

    def test_stops_and_holds_still_what_is_named_and_lets_go_of_it(self):
        self.put(CONFIG, "STOP=lab-stop.service\nFREEZE=lab-still.service\n")
        client, hooks = self.freeze()
        self.assertEqual(hooks["80-units"], "done")
        self.assertEqual(self.state("lab-stop"), "inactive")
        self.assertFalse(self.is_running())
        client.command("frostline-thaw", 100)
        self.assertEqual(self.state("lab-stop"), "active")
        self.assertTrue(self.is_running())
        self.assertEqual(self.shell.check("cat /run/lab-stops"), "stopped\n")

    def test_an_agent_that_is_killed_leaves_none_of_them_held(self):
        self.put(CONFIG, "STOP=lab-stop.service\nFREEZE=lab-still.service\n")
        self.freeze()
        self.hang_up()
        self.guest.qmp.forget_events()
        self.shell.check(f"kill -9 {self.agent_pid()}")
        self.guest.qmp.wait_event("VSERPORT_CHANGE", 60, id="agent0", open=True)
        self.wait_state(self.qga(), "idle")
        self.assertEqual(self.state("lab-stop"), "active")
        self.assertTrue(self.is_running())

    def test_what_is_not_active_stays_so(self):
        self.shell.check("systemctl stop lab-stop")
        self.put(CONFIG, "STOP=lab-stop.service\n")
        client, hooks = self.freeze()
        self.assertEqual(hooks["80-units"], "skipped")
        client.command("frostline-thaw", 100)
        self.assertEqual(self.state("lab-stop"), "inactive")

    def test_what_the_thaw_needs_is_refused(self):
        self.put(CONFIG, "FREEZE=frostline-agent.service\n")
        with self.assertRaisesRegex(QgaError, "80-units.*the thaw itself may need it"):
            self.freeze()
        self.wait_state(self.qga(), "idle")
        answer = self.shell.run("frostlinectl hooks --check", 60)
        self.assertIn("the thaw itself may need it", answer.output)
