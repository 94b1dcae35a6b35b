# SPDX-License-Identifier: Apache-2.0
"""Devices that stall, go away, lie on each other, or are many."""

import time

from lab.fixture import BUSY
from lab.qga import QgaError
from lab.volumes import VolumeTest


class Stalls(VolumeTest):
    def freeze_on_stalled(self, deadline_ms):
        """A freeze whose FIFREEZE of one device is stuck, with two others frozen already: without
        writing back before, since syncfs would meet the stall first, and has a budget of its own."""
        self.configure("[freeze]\npresync=false\n")
        self.volumes.make("one", "two", "stalls")
        self.shell.check("head -c 4M /dev/urandom > /mnt/stalls/data")
        self.volumes.stall("stalls")
        client = self.qga()
        client.send("frostline-freeze", mountpoints=["/mnt/one", "/mnt/two", "/mnt/stalls"],
                    deadline_ms=deadline_ms)
        self.wait_phase("freezing")
        return client

    def test_the_others_thaw_at_the_deadline_and_the_stuck_one_when_it_comes_back(self):
        client = self.freeze_on_stalled(5000)
        writes = self.writes("one", "two")
        self.assert_blocked(writes, 1)
        self.assert_written(writes, 5 + 1 + BUSY)
        with self.assertRaises(QgaError):
            client.answer("frostline-freeze", 30)
        began = time.monotonic()
        self.assertEqual(client.command("guest-ping"), {})
        self.assertLess(time.monotonic() - began, BUSY)
        with self.assertRaisesRegex(QgaError, "/mnt/stalls has not come back"):
            self.freeze(client, "/mnt/one")
        self.volumes.resume("stalls")
        self.assert_written(self.writes("stalls"), BUSY)
        self.assertEqual(self.freeze(client, "/mnt/stalls")[1]["/mnt/stalls"]["result"], "frozen")
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)

    def test_a_thaw_does_not_wait_for_the_stuck_one(self):
        self.freeze_on_stalled(60000)
        writes = self.writes("one", "two")
        self.assert_blocked(writes, 1)
        client = self.qga()  # its sync gives the freeze up
        client.command("guest-fsfreeze-thaw")
        self.assert_written(writes, BUSY)
        self.volumes.resume("stalls")
        self.assert_written(self.writes("stalls"), BUSY)
        self.wait_state(client, "idle")

    def test_a_stall_while_dirty_data_is_written_back_freezes_nothing(self):
        self.volumes.make("one", "stalls")
        self.shell.check("head -c 4M /dev/urandom > /mnt/stalls/data")
        self.volumes.stall("stalls")
        self.qga().send("guest-fsfreeze-freeze-list", mountpoints=["/mnt/one", "/mnt/stalls"])
        self.wait_phase("syncing")
        write = self.start_write("/mnt/one/probe")
        self.assert_written([write], BUSY)
        client = self.qga()
        self.wait_state(client, "idle")
        self.volumes.resume("stalls")
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")


class Gone(VolumeTest):
    def test_a_device_that_is_gone_while_frozen_keeps_nothing_else_frozen(self):
        self.volumes.make("one", "leaves", "stays")
        client = self.qga()
        self.freeze(client, "/mnt/one", "/mnt/leaves", "/mnt/stays")
        self.volumes.pull("leaves")
        writes = self.writes("one", "stays")
        self.assert_blocked(writes)
        try:
            client.command("guest-fsfreeze-thaw")
        except QgaError as error:  # if the kernel could not thaw what has no device any more
            self.assertIn("/mnt/leaves", error.description)
        self.assert_written(writes, BUSY)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
        self.assertEqual(self.freeze(client, "/mnt/one")[1]["/mnt/one"]["result"], "frozen")
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)


class Stacked(VolumeTest):
    def test_a_file_system_in_a_file_of_another_one_is_frozen_first(self):
        """Also when the mount table has them the other way round: the outer one's only mount is
        younger than the inner one, and not where the loop device says that its file lies."""
        self.volumes.make("outer", size=64)
        self.shell.check("truncate -s 16M /mnt/outer/image; mkfs.ext4 -q /mnt/outer/image;"
                         "mkdir -p /mnt/inner /mnt/again;"
                         "mount -o loop /mnt/outer/image /mnt/inner;"
                         "mount --bind /mnt/outer /mnt/again; umount -l /mnt/outer;"
                         "head -c 2M /dev/urandom > /mnt/inner/data")
        self.addCleanup(self.shell.run, "fsfreeze -u /mnt/again; fsfreeze -u /mnt/inner;"
                        "umount /mnt/inner; umount /mnt/again; rmdir /mnt/inner /mnt/again")
        client = self.qga()
        _, rows = self.freeze(client, "/mnt/inner", "/mnt/again", deadline_ms=20000)
        self.assertEqual({row["result"] for row in rows.values()}, {"frozen"})
        self.assertLess(rows["/mnt/inner"]["start-us"], rows["/mnt/again"]["start-us"])
        writes = [self.start_write("/mnt/inner/probe"), self.start_write("/mnt/again/probe")]
        self.assert_blocked(writes)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 2)
        self.assert_written(writes, BUSY)

    def test_overlay_and_memory_are_not_frozen(self):
        self.volumes.make("below")
        self.shell.check("modprobe overlay; mkdir -p /mnt/below/up /mnt/below/work /mnt/over;"
                         "mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/below/up,"
                         "workdir=/mnt/below/work /mnt/over")
        self.addCleanup(self.shell.run, "umount /mnt/over; rmdir /mnt/over")
        client = self.qga()
        report = client.command("frostline-freeze", deadline_ms=60000, limit=100)
        results = {row["mountpoint"]: row["result"] for row in report["filesystems"]}
        self.assertEqual(results["/mnt/below"], "frozen")
        self.assertEqual(results["/mnt/over"], "synced")
        self.assertNotIn("/dev/shm", results)
        self.shell.check("echo > /dev/shm/probe")
        writes = [self.start_write("/mnt/over/probe")]  # its upper layer is frozen
        self.assert_blocked(writes)
        client.command("guest-fsfreeze-thaw")
        self.assert_written(writes, BUSY)


    def test_file_systems_that_cannot_freeze(self):
        """The kernel says so: the freeze holds for the rest, and the outcome tells."""
        self.volumes.make("one")
        self.volumes.make("fat", kind="vfat")
        client = self.qga()
        report, rows = self.freeze(client, "/mnt/one", "/mnt/fat")
        self.assertEqual(rows["/mnt/one"]["result"], "frozen")
        self.assertEqual(rows["/mnt/fat"]["result"], "synced", report)
        writes = self.writes("one")
        self.assert_blocked(writes)
        self.assert_written(self.writes("fat"), BUSY)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)
        self.assert_written(writes, BUSY)
        # Alone: held by nothing but the hooks' word, and yet a host must come and thaw.
        client.command("guest-fsfreeze-freeze-list", mountpoints=["/mnt/fat"])
        client.command("guest-fsfreeze-thaw")
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")


class Many(VolumeTest):
    def phase(self, report, name):
        return next(one["duration-us"] for one in report["phases"] if one["name"] == name)

    def test_a_thousand_bind_mounts_are_one_file_system(self):
        self.volumes.make("one")
        client = self.qga()
        few, _ = self.freeze(client, "/mnt/one")
        client.command("guest-fsfreeze-thaw")
        self.shell.check("mkdir /run/lab-binds; for number in $(seq 1000); do"
                         " mkdir /run/lab-binds/$number; mount --bind /mnt/one /run/lab-binds/$number;"
                         " done", 300)
        self.addCleanup(self.shell.run, "umount -l /run/lab-binds/*; rm -rf --one-file-system"
                        " /run/lab-binds", 300)
        many, rows = self.freeze(client, "/mnt/one")
        self.assertEqual(rows["/mnt/one"]["result"], "frozen")
        self.assertEqual([row["mountpoint"] for row in many["filesystems"]
                          if row["mountpoint"].startswith("/run/lab-binds")], [])
        writes = [self.start_write("/run/lab-binds/700/probe")]
        self.assert_blocked(writes)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 1)
        self.assert_written(writes, BUSY)
        # The time with something frozen has nothing to do with the mount table.
        self.assertLess(self.phase(many, "freeze"), self.phase(few, "freeze") + 500_000)

    def test_64_file_systems(self):
        names = [f"v{number}" for number in range(64)]
        self.volumes.make(*names, size=8)
        client = self.qga()
        report, rows = self.freeze(client, *(f"/mnt/{name}" for name in names), deadline_ms=60000)
        self.assertEqual({rows[f"/mnt/{name}"]["result"] for name in names}, {"frozen"})
        writes = self.writes(*names[::9])
        self.assert_blocked(writes)
        self.assertEqual(client.command("guest-fsfreeze-thaw"), 64)
        self.assert_written(writes, BUSY)
        self.assertEqual(report["outcome"], "consistent")
