# SPDX-License-Identifier: Apache-2.0
"""Freezing everything, the root file system too, with a busy journal; and every way out."""

import time

from lab import fixture
from lab.fixture import BUSY, CGROUP, PROBES
from lab.qga import QgaError

DROP_IN = "/run/systemd/system/frostline-agent.service.d"


class RootFreeze(fixture.GuestTest):
    """The agent works and answers while the file system it lives on is frozen."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shell.run("systemctl stop lab-noise")
        # A hundred lines a second for the journal, without a process for each.
        cls.shell.check("systemd-run -q --collect --unit=lab-noise bash -c 'exec {idle}<> <(:); "
                        "while :; do echo noise; read -t 0.01 -u $idle; done'")
        cls.addClassCleanup(cls.shell.run, "systemctl stop lab-noise")

    def freeze(self):
        """Freezes everything for up to a minute and returns writes that wait for the thaw."""
        report = self.qga().command("frostline-freeze", deadline_ms=60000)
        self.hang_up()
        self.assertEqual([row["result"] for row in report["filesystems"]], ["frozen"] * 3)
        self.assertEqual(report["phases"][-1]["name"], "frozen")
        writes = self.start_writes()
        self.assert_blocked(writes)
        return writes

    def kill(self, pid):
        """All of the guest's programs that this takes are in memory."""
        self.shell.check(f"kill -9 {pid}")

    def kill_together(self, agent, guard):
        """Kills both before the guard can do anything about the agent's death.

        It gets the two signals one after the other; if the agent goes first and the guard is not
        stopped, the guard has now and then thawed before its own signal comes.
        """
        self.shell.check(f"kill -STOP {guard} && kill -9 {agent} {guard}")

    def agent_and_guard(self):
        """While frozen: the pids of all processes of the service, the agent's first."""
        agent = self.agent_pid()
        pids = [int(pid) for pid in self.shell.check(f"cat {CGROUP}").split()]
        guard = [pid for pid in pids if pid != agent and
                 self.shell.check(f"cat /proc/{pid}/comm").strip() == "frostline-guard"]
        self.assertEqual(len(guard), 1, "there is no guard beside the frozen agent")
        return agent, guard[0]

    def assert_recovered(self):
        """The agent that runs now knows that an earlier one died while frozen; tells it once."""
        client = self.qga()
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        report = client.command("frostline-status")["last"]
        self.assertEqual(report["outcome"], "recovered")
        self.assertEqual({row["mountpoint"] for row in report["filesystems"]},
                         {"/", "/srv/pgdata", "/srv/pgwal"})
        return report

    def assert_told_once(self, why="fsfreeze is limited"):
        """The host's thaw hears that the freeze did not hold, whichever agent runs by then."""
        with self.assertRaisesRegex(QgaError, why):
            self.qga().command("guest-fsfreeze-thaw")
        self.assertEqual(self.qga().command("guest-fsfreeze-thaw"), 0)

    def assert_no_trace(self):
        """Once the thaw hooks have run and the host knows there is neither run state nor guard."""
        self.wait_state(self.qga(), "idle")
        self.shell.check("test ! -e /run/frostline/freeze.state")
        self.assert_agent_alone()


class Ways(RootFreeze):
    """What the host, the deadline and the service manager do to a frozen guest."""

    def test_freeze_and_thaw_of_everything(self):
        client = self.qga()
        count = client.command("guest-fsfreeze-freeze")
        self.assertEqual(count, len(PROBES))
        writes = self.start_writes()
        began = time.monotonic()
        self.assertEqual(client.command("guest-fsfreeze-status"), "frozen")
        self.assertEqual(client.command("guest-ping"), {})
        self.assertLess(time.monotonic() - began, BUSY)
        self.assert_blocked(writes)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), count)
        self.assert_written(writes, BUSY)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.shell.check("logger -t lab after-the-thaw; journalctl --sync; "
                         "journalctl -t lab -n 5 | grep -q after-the-thaw", 30)

    def test_deadline_thaws_by_itself(self):
        client = self.qga()
        began = time.monotonic()
        client.command("frostline-freeze", deadline_ms=4000)
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.assert_written(writes, 4 + 1 + BUSY)
        self.assertGreater(time.monotonic() - began, 3)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.assertEqual(client.command("frostline-status")["last"]["outcome"], "expired")
        with self.assertRaisesRegex(QgaError, "fsfreeze is limited to 4s"):
            client.command("guest-fsfreeze-thaw")
        # Said once; from then on all is as before.
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 0)

    def test_stop_thaws_first_and_ends_soon(self):
        writes = self.freeze()
        stop = self.shell.start("systemctl stop frostline-agent", 100)
        self.assert_written(writes, BUSY)
        self.assertEqual(stop.result(BUSY).status, 0)
        self.assertEqual(self.shell.check("systemctl show -p Result --value frostline-agent"),
                         "success\n")
        self.shell.check("systemctl start frostline-agent")
        self.guest.wait_agent(30)
        self.assert_told_once("called off: the agent is stopping")
        self.assert_no_trace()

    def test_restart_thaws_first(self):
        writes = self.freeze()
        old = self.agent_pid()
        restart = self.shell.start("systemctl restart frostline-agent", 100)
        self.assert_written(writes, BUSY)
        self.assertEqual(restart.result(2 * BUSY).status, 0)
        self.assertNotEqual(self.agent_pid(), old)
        self.guest.wait_agent(30)
        self.assert_told_once("called off: the agent is stopping")
        self.assert_no_trace()
        self.assert_nothing_frozen()

    def test_killed_agent_comes_back_and_knows(self):
        writes = self.freeze()
        self.guest.qmp.forget_events()
        self.kill(self.agent_pid())
        self.assert_written(writes, BUSY)
        self.guest.qmp.wait_event("VSERPORT_CHANGE", 60, id="agent0", open=True)
        self.assert_nothing_frozen()
        self.assert_told_once()
        self.assert_no_trace()

    def test_agent_and_guard_killed_together_the_service_recovers(self):
        writes = self.freeze()
        agent, guard = self.agent_and_guard()
        self.guest.qmp.forget_events()
        self.kill_together(agent, guard)
        self.assert_written(writes, BUSY)
        self.guest.qmp.wait_event("VSERPORT_CHANGE", 60, id="agent0", open=True)
        self.assert_nothing_frozen()
        self.assert_told_once()
        self.assert_no_trace()


class Alone(RootFreeze):
    """The same without the service manager's help: no recovery, no restart."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shell.check(f"mkdir -p {DROP_IN}; printf '[Service]\\nExecStopPost=\\nRestart=no\\n' "
                        f"> {DROP_IN}/lab.conf; systemctl daemon-reload")
        cls.addClassCleanup(cls.shell.run, f"rm -r {DROP_IN}; systemctl daemon-reload")

    def test_guard_alone_thaws_for_a_killed_agent(self):
        writes = self.freeze()
        agent, _ = self.agent_and_guard()
        self.kill(agent)
        self.assert_written(writes, BUSY)
        self.start_again()
        report = self.assert_recovered()
        self.assertEqual({row["reason"] for row in report["filesystems"]},
                         {"thawed already, by the guard"})
        self.assert_told_once("the agent died")
        self.assert_no_trace()

    def test_next_start_thaws_when_agent_and_guard_were_killed_together(self):
        writes = self.freeze()
        self.kill_together(*self.agent_and_guard())
        self.assert_blocked(writes, 1)
        start = self.shell.start("systemctl start frostline-agent", 60)
        self.assert_written(writes, BUSY)
        self.assertEqual(start.result(60).status, 0)
        self.guest.wait_agent(30)
        report = self.assert_recovered()
        self.assertEqual({row["result"] for row in report["filesystems"]}, {"frozen"})
        self.assert_told_once("fsfreeze is limited: the agent died")
        self.assert_no_trace()

    def start_again(self):
        self.shell.check("systemctl start frostline-agent")
        self.guest.wait_agent(30)
