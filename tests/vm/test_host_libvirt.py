# SPDX-License-Identifier: Apache-2.0
"""The host tool with a real libvirtd: snapshots of one guest and of two, by overlays and by a command."""

import atexit
import json
import subprocess
import time
from pathlib import Path

from lab import fixture, scenario, verify, virsh_fixture
from lab.guest import Guest, make_disks
from lab.libvirt import URI, LibvirtGuest

HOOK = "/etc/frostline/hooks.d/40-lab"
_other = None


def other_guest():
    """A second guest of the same libvirtd, started once."""
    global _other
    if _other is None:
        first = virsh_fixture.shared_guest()
        folder = fixture.make_folder("virsh2")
        payload = fixture.programs().payload(folder / "payload.cpio")
        _other = LibvirtGuest(first.libvirt, "db1", first.image, folder,
                              make_disks(folder, first.image.disks), payload)
        atexit.register(_other.stop)
        _other.start()
        _other.wait_shell()
        _other.wait_agent()
    return _other


class HostTest(virsh_fixture.VirshTest):
    def setUp(self):
        super().setUp()
        self.leases = fixture.make_folder("leases")

    def frostline(self, *arguments):
        """Its run, and the guests of its JSON document by name."""
        words = list(map(str, arguments))
        at = words.index("--") if "--" in words else len(words)
        run = self.libvirt.frostline(self.programs, "--json", *words[:at], "--lease-dir", self.leases,
                                     *words[at:])
        guests = json.loads(run.output)["guests"] if run.output else []
        return run, {guest["guest"]: guest for guest in guests}

    def disks(self, guest=None):
        """{disk: the image that it writes to}, as libvirt has it."""
        guest = guest or self.guest
        told = dict(line.split(None, 1) for line in
                    guest.check("domblklist").splitlines()[2:] if line.strip())
        return dict(zip(guest.disks, (Path(told[f"vd{letter}"].strip()) for letter in "abc")))

    def assert_at_rest(self, images):
        copies = verify.flatten(images, fixture.make_folder("at-rest"))
        for finding in verify.journals(copies):
            self.assertTrue(finding.good, f"{finding.what}: {finding.detail}")
        for copy in copies.values():
            copy.unlink()


class OneGuest(HostTest):
    def test_overlays_under_load(self):
        """Everything that was acknowledged before is in it, and libvirt knows where the guest writes."""
        self.guest.start_writer()
        self.addCleanup(self.shell.run, "systemctl stop lab-writer")
        self.guest.acks.wait_more(100, 120)
        fixed = self.disks()
        asked = time.monotonic()
        run, guests = self.frostline("snapshot", "web1", "--overlay", "--name", "one", "--deadline", "60s")
        self.assertEqual((run.status, run.errors), (0, ""), run.output)
        web = guests["web1"]
        self.assertEqual((web["level"], web["consistent"], web["thaw-confirmed"]), ("app", True, True))
        overlays = [Path(disk["overlay"]) for disk in web["disks"]]
        self.assertEqual([Path(disk["snapshot"]) for disk in web["disks"]], list(fixed.values()))
        self.assertEqual(list(self.disks().values()), overlays)
        self.assertEqual(web["report"]["outcome"], "consistent")
        self.guest.acks.wait_more(50, 60)
        self.assert_nothing_frozen()
        self.assert_at_rest(fixed)
        folder = fixture.make_folder("second")
        second = Guest(self.guest.image, folder, make_disks(folder, fixed))
        self.addCleanup(second.stop)
        second.start()
        second.wait_shell()
        for finding in (verify.database_start(second.shell),
                        verify.records(second.shell, self.guest.acks.highest(before=asked))):
            self.assertTrue(finding.good, f"{finding.what}: {finding.detail}")

    def test_a_second_one_goes_on_from_the_first(self):
        for name in ("two", "three"):
            run, guests = self.frostline("snapshot", "web1", "--overlay", "--name", name)
            self.assertEqual(run.status, 0, run.errors)
            self.assertTrue(all(str(path).endswith(f".{name}.qcow2") for path in self.disks().values()))
        self.assertNotIn(".two.", str(self.disks()["root"]))

    def test_folded_back_while_the_guest_writes(self):
        before = self.disks()
        self.guest.start_writer()
        self.addCleanup(self.shell.run, "systemctl stop lab-writer")
        self.assertEqual(self.frostline("snapshot", "web1", "--overlay", "--name", "fold")[0].status, 0)
        self.guest.acks.wait_more(50, 60)
        overlays = list(self.disks().values())
        run, guests = self.frostline("snapshot", "web1", "--commit", "--name", "fold")
        self.assertEqual((run.status, run.errors), (0, ""), run.output)
        self.assertEqual([disk["folded"] for disk in guests["web1"]["disks"]], [True] * 3)
        self.assertEqual(self.disks(), before)
        self.assertEqual([path for path in overlays if path.exists()], [])
        self.assertEqual(list(before["root"].parent.glob("fold*")), [])
        self.guest.acks.wait_more(50, 60)

    def test_backups_whole_and_incremental(self):
        """While PostgreSQL is written to; a guest is started from the second one."""
        self.guest.start_writer()
        self.addCleanup(self.shell.run, "systemctl stop lab-writer")
        self.guest.acks.wait_more(50, 120)
        place = fixture.make_folder("backup")
        before = self.disks()
        run, guests = self.frostline("snapshot", "web1", "--backup", place, "--name", "one",
                                     "--deadline", "60s")
        self.assertEqual((run.status, run.errors), (0, ""), run.output)
        self.assertEqual((guests["web1"]["level"], guests["web1"]["method"]), ("app", "backup"))
        self.guest.acks.wait_more(50, 60)
        asked = time.monotonic()
        run, guests = self.frostline("snapshot", "web1", "--backup", place, "--incremental", "--name",
                                     "two", "--deadline", "60s")
        self.assertEqual((run.status, run.errors), (0, ""), run.output)
        self.assertEqual(guests["web1"]["parent"], "one")
        self.assertEqual(self.disks(), before)
        self.guest.acks.wait_more(20, 60)
        images = {disk: Path(told["backup"]) for disk, told in zip(before, guests["web1"]["disks"])}
        sizes = {disk: (place / f"web1.{told['disk']}.one.qcow2").stat().st_blocks
                 for disk, told in zip(before, guests["web1"]["disks"])}
        self.assertLess(images["root"].stat().st_blocks, sizes["root"] / 4)
        self.assertIn("frostline-two", self.guest.check("checkpoint-list", "--name"))
        self.assertNotIn("frostline-one", self.guest.check("checkpoint-list", "--name"))
        self.assert_at_rest(images)
        folder = fixture.make_folder("second")
        second = Guest(self.guest.image, folder, make_disks(folder, images))
        self.addCleanup(second.stop)
        second.start()
        second.wait_shell()
        for finding in (verify.database_start(second.shell),
                        verify.records(second.shell, self.guest.acks.highest(before=asked))):
            self.assertTrue(finding.good, f"{finding.what}: {finding.detail}")

    def test_a_copy(self):
        place = fixture.make_folder("copies")
        before = self.disks()
        run, guests = self.frostline("snapshot", "web1", "--copy", place, "--name", "one",
                                     "--deadline", "60s")
        self.assertEqual((run.status, run.errors), (0, ""), run.output)
        self.assertEqual((guests["web1"]["level"], guests["web1"]["method"]), ("app", "copy"))
        self.assertEqual(self.disks(), before)
        self.assert_at_rest({disk: Path(told["backup"])
                             for disk, told in zip(before, guests["web1"]["disks"])})
        self.assertIn("No current block job", self.guest.check("blockjob", "vda"))

    def test_an_overlay_that_is_there_already_is_not_touched(self):
        before = self.disks()
        target = before["pgwal"].parent / f"{before['pgwal'].name.split('.')[0]}.taken.qcow2"
        target.write_text("mine")
        self.addCleanup(target.unlink)
        run, guests = self.frostline("snapshot", "web1", "--overlay", "--name", "taken")
        self.assertEqual(run.status, 4)
        self.assertIn("exists already", guests["web1"]["error"])
        self.assertEqual(target.read_text(), "mine")
        self.assertEqual(self.disks(), before)
        self.assertEqual(list(target.parent.glob("*.taken*")), [target])
        self.assertEqual(self.agent("guest-fsfreeze-status"), "thawed")

    def test_a_block_job_is_not_disturbed(self):
        before = self.disks()
        copy = fixture.make_folder("copy") / "copy.qcow2"
        self.guest.check("blockcopy", "vdc", copy, "--bytes", "1", "--transient-job", "--format", "qcow2")
        self.addCleanup(self.guest.virsh, "blockjob", "vdc", "--abort")
        run, guests = self.frostline("snapshot", "web1", "--overlay", "--name", "busy")
        self.assertEqual(run.status, 4)
        self.assertIn("disk vdc has a block job under way", guests["web1"]["error"])
        self.assertEqual(self.disks(), before)

    def test_a_command_is_told_of_the_disks(self):
        run, guests = self.frostline("snapshot", "web1", "--", "sh", "-c",
                                     'printf "%s\\n" "$FROSTLINE_DISKS"')
        self.assertEqual(run.status, 0, run.errors)
        self.assertEqual(guests["web1"]["command-output"].splitlines(),
                         [f"web1\tvd{letter}\t{path}" for letter, path in
                          zip("abc", self.disks().values())])

    def test_a_domain_that_is_not_there(self):
        run, guests = self.frostline("snapshot", "nobody", "web1", "--overlay")
        self.assertEqual(run.status, 2)
        self.assertIn("libvirt knows no domain 'nobody'", guests["nobody"]["error"])
        self.assertEqual(guests["web1"]["error"], "given up because of nobody")


class Killed(HostTest):
    def test_recover_ends_what_a_killed_run_has_begun(self):
        """It is killed while a hook of the guest takes its time; libvirt goes on waiting for the answer."""
        self.shell.check(f"mkdir -p -m 755 {Path(HOOK).parent}; printf '#!/bin/sh\\n"
                         f"[ $1 != freeze ] || sleep 5\\n' > {HOOK}; chmod 755 {HOOK}")
        self.addCleanup(self.shell.check, f"rm -f {HOOK}")
        before = self.disks()
        process = subprocess.Popen(
            [str(self.programs.tool), "--connect", URI, "snapshot", "web1", "--overlay", "--name", "killed",
             "--lease-dir", str(self.leases)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while len(list(before["root"].parent.glob("*.killed.qcow2"))) < 3:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        time.sleep(1)
        process.kill()
        process.wait()
        done = subprocess.run([str(self.programs.tool), "recover", "--lease-dir", str(self.leases)],
                              capture_output=True, text=True, timeout=180, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(list(before["root"].parent.glob("*killed*")), [])
        self.assertEqual(list(Path(self.leases).glob("*.journal")), [])
        self.assertEqual(self.disks(), before)
        self.assert_nothing_frozen()


class TwoGuests(HostTest):
    def setUp(self):
        super().setUp()
        self.other = other_guest()

    @staticmethod
    def frozen_from_to(shown, guest):
        """By this machine's clock: from the freeze of the last file system to the thaw of the first. A
        guest's own is off by up to a second."""
        report = shown["report"]
        start = {phase["name"]: phase["start-us"] / 1e6 for phase in report["phases"]}
        began = scenario.seconds(report["started"]) - scenario.guest_clock(guest.shell)
        return began + start["frozen"], began + start["thaw"]

    def test_both_are_frozen_at_the_same_time(self):
        other = f"{URI}#db1"  # the same libvirtd, said for this guest alone
        run, guests = self.frostline("snapshot", "web1", other, "--overlay", "--name", "group",
                                     "--deadline", "60s")
        self.assertEqual((run.status, run.errors), (0, ""), run.output)
        guests["db1"] = guests[other]
        for guest in (self.guest, self.other):
            shown = guests[guest.name]
            self.assertEqual(shown["level"], "app")
            self.assertEqual([Path(disk["overlay"]) for disk in shown["disks"]],
                             list(self.disks(guest).values()))
            self.assertTrue(Path(shown["description"]).name.startswith("group."))
        web = self.frozen_from_to(guests["web1"], self.guest)
        db = self.frozen_from_to(guests["db1"], self.other)
        # Some hundred milliseconds; the clocks are compared to some ten. (That they freeze in order and
        # thaw in reverse, which is closer together, tests/unit/host/group_test.cpp asserts.)
        self.assertLess(max(web[0], db[0]), min(web[1], db[1]))

    def test_one_that_fails_ends_it_for_both_or_is_left_out(self):
        self.other.shell.check(f"mkdir -p -m 755 {Path(HOOK).parent}; printf '#!/bin/sh\\n"
                               f"[ $1 != freeze ] || {{ echo not today >&2; exit 1; }}\\n' > {HOOK};"
                               f" chmod 755 {HOOK}")
        self.addCleanup(self.other.shell.check, f"rm -f {HOOK}")
        before = self.disks(), self.disks(self.other)
        run, guests = self.frostline("snapshot", "web1", "db1", "--overlay", "--name", "fails")
        self.assertEqual(run.status, 3, run.output)
        self.assertIn("not today", guests["db1"]["error"])
        self.assertIn("given up because of db1", guests["web1"]["error"])
        self.assertEqual((self.disks(), self.disks(self.other)), before)
        self.assertEqual(list(before[0]["root"].parent.glob("*.fails*")), [])
        self.assert_nothing_frozen()
        run, guests = self.frostline("snapshot", "web1", "db1", "--overlay", "--name", "skips",
                                     "--on-error", "skip")
        self.assertEqual(run.status, 3)
        self.assertTrue(guests["web1"]["consistent"])
        self.assertNotEqual(self.disks(), before[0])
        self.assertEqual(self.disks(self.other), before[1])
