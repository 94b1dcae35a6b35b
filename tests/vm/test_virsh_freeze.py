# SPDX-License-Identifier: Apache-2.0
"""What libvirt's clients do around a freeze, the impatient and the clumsy ones too."""

import time
from pathlib import Path

from lab import fixture, verify, virsh_fixture
from lab.fixture import BUSY

SLOW_HOOK = "/etc/frostline/hooks.d/40-slow"
SLOW = 6  # seconds that this hook takes
HALFWAY = "/run/lab-halfway"
AGENT_CONFIG = "/etc/frostline/agent.conf.d/lab.conf"


class FreezeTest(virsh_fixture.VirshTest):
    def slow_down(self):
        """From now on a freeze takes a while before anything is frozen."""
        self.shell.check(f"rm -f {HALFWAY}")
        self.hook(f"{{ sleep {SLOW // 2}; touch {HALFWAY}; sleep {SLOW // 2}; }}")

    def wait_halfway(self):
        """Waits until that hook is half done, which is more than a second after the request."""
        self.shell.check(f"until [ -e {HALFWAY} ]; do sleep 0.1; done")

    def hook(self, freeze):
        """A hook that runs this on a freeze, until the end of the test."""
        self.shell.check(f"mkdir -p -m 755 {Path(SLOW_HOOK).parent} && "
                         f"printf '#!/bin/sh\\n[ \"$1\" != freeze ] || {freeze}\\n' > {SLOW_HOOK} "
                         f"&& chmod 755 {SLOW_HOOK}")
        self.addCleanup(self.shell.check, f"rm -f {SLOW_HOOK}")

    def set_deadline(self, seconds):
        """The guest's own deadline, until the end of the test."""
        self.shell.check(f"mkdir -p {Path(AGENT_CONFIG).parent} && "
                         f"printf '[freeze]\\ndeadline=%ss\\n' {seconds} > {AGENT_CONFIG}")
        self.addCleanup(self.configure, f"rm -f {AGENT_CONFIG}")
        self.configure("true")

    def configure(self, command):
        self.shell.check(f"{command} && systemctl restart frostline-agent")
        self.wait_connected()

    def wait_phase(self, phase):
        """Waits until the agent is at this point of a freeze, without libvirt."""
        ask = ("perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("
               "\"/run/frostline/control.sock\"); print $s \"{\\\"execute\\\":"
               "\\\"frostline-status\\\"}\\n\"; $s->flush; print scalar <$s>'")
        until = time.monotonic() + 30
        while f'"{phase}"' not in (told := self.shell.check(ask)):
            self.assertLess(time.monotonic(), until, f"never {phase}: {told}")

    def disks(self):
        """{disk: the image that it writes to}, as libvirt has it."""
        told = dict(line.split(None, 1) for line in
                    self.guest.check("domblklist").splitlines()[2:] if line.strip())
        return dict(zip(self.guest.disks, (Path(told[f"vd{letter}"].strip()) for letter in "abc")))

    def snapshot(self, name, *options):
        return self.guest.virsh("snapshot-create-as", name, "--disk-only", "--atomic",
                                "--no-metadata", *options)


class Impatient(FreezeTest):
    """Hosts that stop waiting. With qemu-ga the guest freezes all the same, and stays so."""

    def test_time_out_shorter_than_a_hook(self):
        self.slow_down()
        self.addCleanup(self.guest.check, "guest-agent-timeout", "--timeout", -2)
        self.guest.check("guest-agent-timeout", "--timeout", 2)
        began = time.monotonic()
        self.assert_refused("(?i)guest agent", "domfsfreeze")
        self.assertLess(time.monotonic() - began, SLOW - 1)
        # libvirt's next command starts with a sync: nobody waits for that freeze any more.
        self.agent("guest-ping")
        self.wait_phase("idle")
        last = self.agent("frostline-status")["last"]
        self.assertEqual((last["outcome"], last["frozen-us"]), ("aborted", 0))

    def test_client_that_is_killed_while_it_waits(self):
        """The daemon goes on waiting for it, so only the deadline can help."""
        self.set_deadline(3)
        self.slow_down()
        client = self.libvirt.start_virsh("domfsfreeze", self.guest.name)
        self.wait_phase("quiescing")
        client.kill()
        client.communicate()
        self.wait_phase("frozen")
        writes = self.start_writes()
        self.assert_written(writes, 3 + 1 + BUSY)
        self.assert_refused("fsfreeze is limited to 3s", "domfsthaw")
        self.assertIn("0 filesystem(s)", self.guest.check("domfsthaw"))

    def test_daemon_that_is_killed_before_anything_is_frozen(self):
        self.slow_down()
        client = self.libvirt.start_virsh("domfsfreeze", self.guest.name)
        self.wait_halfway()
        self.libvirt.restart(kill=True)
        client.communicate()
        # The new one says nothing by itself, and nobody waits for that freeze any more.
        self.wait_phase("idle")
        self.assertEqual(self.agent("frostline-status")["last"]["outcome"], "aborted")
        self.assert_nothing_frozen()

    def test_daemon_that_is_killed_while_frozen(self):
        self.guest.check("domfsfreeze")
        writes = self.start_writes()
        self.assert_blocked(writes)
        self.libvirt.restart(kill=True)
        self.assertEqual(self.agent("guest-fsfreeze-status"), "frozen")
        self.assert_blocked(writes)
        self.assertIn("3 filesystem(s)", self.guest.check("domfsthaw"))
        self.assert_written(writes, BUSY)

    def test_thaw_twice(self):
        self.guest.check("domfsfreeze")
        self.assertIn("3 filesystem(s)", self.guest.check("domfsthaw"))
        self.assertIn("0 filesystem(s)", self.guest.check("domfsthaw"))
        self.assert_nothing_frozen()

    def test_freeze_twice(self):
        self.guest.check("domfsfreeze")
        self.assert_refused("guest-fsfreeze-freeze has been disabled", "domfsfreeze")
        self.assertIn("3 filesystem(s)", self.guest.check("domfsthaw"))
        self.assert_nothing_frozen()


class Quiesced(FreezeTest):
    """Snapshots for which libvirt itself freezes and thaws."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest.start_writer()
        cls.addClassCleanup(cls.shell.run, "systemctl stop lab-writer")

    def assert_journals(self, images, at_rest):
        copies = verify.flatten(images, fixture.make_folder("quiesced"))
        for finding in verify.journals(copies):
            self.assertEqual(finding.good, at_rest, f"{finding.what}: {finding.detail}")
        for copy in copies.values():
            copy.unlink()

    def test_file_systems_are_at_rest_in_it(self):
        fixed = self.disks()
        run = self.snapshot("quiesced", "--quiesce")
        self.assertEqual(run.status, 0, run.errors)
        self.assertTrue(all(now != fixed[disk] for disk, now in self.disks().items()))
        self.assert_nothing_frozen()
        self.assert_journals(fixed, at_rest=True)

    def test_control_without_a_freeze(self):
        fixed = self.disks()
        self.assertEqual(self.snapshot("plain").status, 0)
        self.assert_journals(fixed, at_rest=False)

    def test_hook_that_fails_means_no_snapshot_and_says_why(self):
        self.hook("{ echo the cache is busy >&2; exit 1; }")
        before = self.disks()
        run = self.snapshot("failed", "--quiesce")
        self.assertNotEqual(run.status, 0)
        self.assertIn("hook 40-slow: failed: exit status 1: the cache is busy", run.errors)
        self.assertEqual(self.disks(), before)
        self.assert_nothing_frozen()

    def test_two_at_once(self):
        runs = [self.libvirt.start_virsh("snapshot-create-as", self.guest.name, name,
                                         "--disk-only", "--atomic", "--no-metadata", "--quiesce")
                for name in ("first", "second")]
        for run in runs:
            _, errors = run.communicate(timeout=120)
            self.assertEqual(run.returncode, 0, errors)
        self.assert_nothing_frozen()

    def test_somebody_else_thaws_inside_it(self):
        """libvirt sees no difference; the agent keeps what a careful host asks for."""
        self.slow_down()
        snapshot = self.libvirt.start_virsh(
            "snapshot-create-as", self.guest.name, "other", "--disk-only", "--atomic",
            "--no-metadata", "--quiesce")
        self.wait_phase("quiescing")
        # It waits in libvirt for the end of the freeze, and is then faster than the snapshot.
        other = self.libvirt.start_virsh("domfsthaw", self.guest.name)
        told, errors = other.communicate(timeout=60)
        self.assertEqual(other.returncode, 0, errors)
        _, errors = snapshot.communicate(timeout=120)
        self.assertEqual(snapshot.returncode, 0, errors)
        last = self.agent("frostline-status")["last"]
        self.assertEqual(last["outcome"], "consistent")
        self.assertIn("filesystem(s)", told)
        self.assert_nothing_frozen()
