# SPDX-License-Identifier: Apache-2.0
"""The agent's virtio port: hosts that come and go, and a port that does."""

import threading

from lab import fixture
from lab.fixture import BUSY
from lab.guest import AGENT_PORT
from lab.qga import Qga

CLOCK_TICK = 0.01  # seconds, of /proc/PID/stat


class Port(fixture.GuestTest):
    """What happens on the host's side of the port never bothers the agent."""

    def test_many_hosts_one_after_the_other(self):
        for _ in range(50):
            with Qga(self.guest.agent_socket) as client:
                client.sync()
                self.assertEqual(client.command("guest-ping"), {})

    def test_host_that_leaves_without_its_answer(self):
        for _ in range(10):
            with Qga(self.guest.agent_socket) as client:
                client.send("guest-info")
            with Qga(self.guest.agent_socket) as client:
                client.sync()
                self.assertEqual(client.command("guest-ping"), {})

    def test_host_that_leaves_in_the_middle_of_a_request(self):
        with Qga(self.guest.agent_socket) as client:
            client.send_raw(b'{"execute": "guest-pi')
        with Qga(self.guest.agent_socket) as client:
            client.sync()
            self.assertEqual(client.command("guest-ping"), {})

    def test_no_host_costs_no_processor_time(self):
        pid = self.agent_pid()
        with Qga(self.guest.agent_socket) as client:
            client.sync()
            client.send("guest-info")  # its answer finds nobody
        before = self.processor_time(pid)
        self.measure_for(3)
        self.assertLessEqual(self.processor_time(pid) - before, 0.05)
        self.assertEqual(self.qga().command("guest-ping"), {})

    def test_port_unplugged_and_plugged_again(self):
        for _ in range(3):
            self.unplug()
            self.plug()
            with Qga(self.guest.agent_socket) as client:
                client.sync()
                self.assertEqual(client.command("guest-ping"), {})

    def test_port_unplugged_while_frozen_thaws(self):
        client = self.qga()
        client.command("frostline-freeze", deadline_ms=60000)
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.hang_up()
        self.addCleanup(self.plug_if_missing)
        self.unplug()
        self.assert_written(writes, BUSY)
        self.plug()
        self.assertEqual(self.qga().command("guest-fsfreeze-status"), "thawed")

    def unplug(self):
        self.guest.qmp.forget_events()
        self.guest.qmp.command("device_del", id="agent0")
        self.guest.qmp.wait_event("DEVICE_DELETED", 20, device="agent0")

    def plug(self):
        self.guest.qmp.forget_events()
        self.guest.qmp.command("device_add", driver="virtserialport", bus="serial0.0",
                               id="agent0", chardev="agent", name=AGENT_PORT)
        self.guest.wait_agent(30)

    def plug_if_missing(self):
        listed = self.guest.qmp.command("qom-list", path="/machine/peripheral")
        if not any(item["name"] == "agent0" for item in listed):
            self.plug()

    def processor_time(self, pid):
        """Seconds of processor time a process in the guest has used."""
        fields = self.shell.check(f"cat /proc/{pid}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * CLOCK_TICK

    @staticmethod
    def measure_for(seconds):
        """Lets time pass, for a measurement that is about exactly that."""
        threading.Event().wait(seconds)
