#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the built agent tells of file systems and disks, on real loop mounts.

Nothing but loop mounts made here is trimmed: an agent that is to trim sees a mount table with
nothing else in it.
"""

import ctypes
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, LoopMount, main, need_loop_devices  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def mount_call(source, target, kind, flags, data=None):
    """mount(2): for a child that is not to be an agent yet, and for what mount(8) cannot do."""
    if LIBC.mount(source.encode(), target.encode(), kind and kind.encode(), flags,
                  data and data.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount %s on %s" % (source, target))


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


class StorageCase(AgentTest):
    def loop_of(self, mount):
        return os.path.basename(run("findmnt", "-n", "-o", "SOURCE", "--first-only", mount.path))

    def bind(self, source, name):
        target = os.path.join(self.directory, name)
        os.mkdir(target)
        run("mount", "--bind", source, target)
        self.addCleanup(run, "umount", target)
        return target

    def info_of(self, host, *mounts):
        """The entries of these mounts, in the order of the reply."""
        paths = [mount.path for mount in mounts]
        return [entry for entry in host.value("guest-get-fsinfo") if entry["mountpoint"] in paths]

    def start_seeing_only(self, *mounts):
        """An agent whose mount table has only these, so that it can touch no others."""
        table = os.path.join(self.directory, "mountinfo")
        paths = {mount.path for mount in mounts}
        with open("/proc/self/mountinfo", encoding="utf-8") as source:
            lines = [line for line in source if line.split()[4] in paths]
        with open(table, "w", encoding="utf-8") as target:
            target.writelines(lines)

        def before():
            if LIBC.unshare(CLONE_NEWNS) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            mount_call("none", "/", None, MS_REC | MS_PRIVATE)
            mount_call(table, "/proc/self/mountinfo", None, MS_BIND)

        self.agent.start(before)
        connection = self.agent.connect()
        self.addCleanup(connection.close)
        seen = {entry["mountpoint"] for entry in connection.value("guest-get-fsinfo")}
        self.assertEqual(seen, paths, "it would trim more than it may")
        return connection


class Filesystems(StorageCase):
    def test_entries_order_and_space(self):
        ext4, xfs, btrfs = self.mount("ext4"), self.mount("xfs"), self.mount("btrfs")
        for mount in (ext4, xfs, btrfs):
            run("sync", "--file-system", mount.path)
        host = self.start()
        entries = self.info_of(host, ext4, xfs, btrfs)
        self.assertEqual([entry["mountpoint"] for entry in entries],
                         [btrfs.path, xfs.path, ext4.path], "the last mounted comes first")
        for entry, mount in zip(entries, (btrfs, xfs, ext4)):
            self.assertEqual(entry["type"], mount.kind)
            self.assertEqual(entry["name"], self.loop_of(mount))
            self.assertEqual(entry["disk"], [])
            space = os.statvfs(mount.path)
            used = (space.f_blocks - space.f_bfree) * space.f_frsize
            self.assertEqual(entry["used-bytes"], used)
            self.assertEqual(entry["total-bytes"], used + space.f_bavail * space.f_frsize)
            self.assertEqual(entry["total-bytes-privileged"], space.f_blocks * space.f_frsize)
            self.assertEqual(
                run("df", "--block-size=1", "--output=used,size", mount.path).split()[-2:],
                [str(entry["used-bytes"]), str(entry["total-bytes-privileged"])])

    def test_every_mandatory_field_is_there(self):
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(len(self.info_of(host, mount)), 1)
        for entry in host.value("guest-get-fsinfo"):
            self.assertLessEqual({"name", "mountpoint", "type", "disk"}, set(entry))
            for disk in entry["disk"]:
                self.assertLessEqual({"bus", "target", "unit", "bus-type"}, set(disk))
                self.assertEqual(set(disk["pci-controller"]),
                                 {"domain", "bus", "slot", "function"})

    def test_each_device_once_under_its_first_mount_point(self):
        mount = self.mount("ext4")
        bound = self.bind(mount.path, "bound")
        host = self.start()
        paths = [entry["mountpoint"] for entry in host.value("guest-get-fsinfo")]
        self.assertIn(mount.path, paths)
        self.assertNotIn(bound, paths)

    def test_subvolumes_of_one_btrfs_are_one(self):
        btrfs = self.mount("btrfs")
        run("btrfs", "subvolume", "create", os.path.join(btrfs.path, "sub"))
        sub = os.path.join(self.directory, "sub")
        os.mkdir(sub)
        run("mount", "-o", "subvol=sub", "/dev/" + self.loop_of(btrfs), sub)
        self.addCleanup(run, "umount", sub)
        host = self.start()
        self.assertEqual([entry["mountpoint"] for entry in host.value("guest-get-fsinfo")
                          if entry["type"] == "btrfs"], [btrfs.path])

    def test_a_covered_mount_point_does_not_tell_another_ones_space(self):
        ext4, xfs = self.mount("ext4"), self.mount("xfs")
        run("mount", "--bind", xfs.path, ext4.path)
        self.addCleanup(run, "umount", ext4.path)
        host = self.start()
        entry, = self.info_of(host, ext4)
        self.assertEqual(entry["type"], "ext4")
        self.assertNotIn("used-bytes", entry)

    def test_one_reached_through_a_second_mount_point_tells_its_own_space(self):
        ext4, xfs = self.mount("ext4"), self.mount("xfs")
        bound = self.bind(ext4.path, "bound")
        run("mount", "--bind", xfs.path, ext4.path)
        self.addCleanup(run, "umount", ext4.path)
        host = self.start()
        entry, = self.info_of(host, ext4)
        space = os.statvfs(bound)
        self.assertEqual(entry["total-bytes-privileged"], space.f_blocks * space.f_frsize)

    def test_what_has_no_block_device_is_neither_listed_nor_touched(self):
        path = self.hanging_fuse("fuse", "nothing", "")
        host = self.start()
        threads = self.agent.threads()
        paths = [entry["mountpoint"] for entry in host.value("guest-get-fsinfo")]
        self.assertNotIn(path, paths)
        self.assertLessEqual(self.agent.threads(), threads + 1)

    def test_one_that_hangs_costs_its_numbers_and_nothing_else(self):
        image = os.path.join(self.directory, "image")
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        device = run("losetup", "--find", "--show", image)
        self.addCleanup(run, "losetup", "--detach", device)
        path = self.hanging_fuse("fuseblk", device, ",blksize=512")
        mount = self.mount("ext4")
        host = self.start()
        for _ in range(3):
            host.send('{"execute": "guest-get-fsinfo"}\n')
            with self.agent.control() as other:
                self.assertEqual(other.value("guest-ping"), {})
            entries = {entry["mountpoint"]: entry for entry in host.read()["return"]}
            self.assertEqual(entries[path]["type"], "fuseblk")
            self.assertNotIn("used-bytes", entries[path])
            self.assertIn("used-bytes", entries[mount.path])
            threads = self.agent.threads()
        host.value("guest-get-fsinfo")
        self.assertEqual(self.agent.threads(), threads, "each question leaves a thread behind")
        self.assertIn(path + ": no answer", self.agent.log_text())

    def hanging_fuse(self, kind, source, options):
        """A FUSE file system whose server never says anything."""
        if not os.path.exists("/dev/fuse"):
            self.skipTest("this kernel has no FUSE")
        path = os.path.join(self.directory, "hangs")
        os.mkdir(path)
        server = os.open("/dev/fuse", os.O_RDWR)
        try:
            mount_call(source, path, kind, 0,
                       "fd=%d,rootmode=40000,user_id=0,group_id=0%s" % (server, options))
        except OSError:
            os.close(server)
            raise
        self.addCleanup(run, "umount", "--lazy", path)
        self.addCleanup(os.close, server)  # this lets everybody go who waits for it
        return path


class Disks(StorageCase):
    def test_a_loop_device_comes_and_goes(self):
        image = os.path.join(self.directory, "image")
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        host = self.start()
        device = run("losetup", "--find", "--show", image)
        try:
            listed, = [disk for disk in host.value("guest-get-disks") if disk["name"] == device]
        finally:
            run("losetup", "--detach", device)
        self.assertEqual(listed, {"name": device, "partition": False, "dependencies": []})
        self.assertNotIn(device, [disk["name"] for disk in host.value("guest-get-disks")])

    def test_statistics_are_the_kernels(self):
        host = self.start()
        told = host.value("guest-get-diskstats")
        with open("/proc/diskstats", encoding="ascii") as file:
            kernel = [line.split() for line in file]
        self.assertEqual([(entry["major"], entry["minor"], entry["name"]) for entry in told],
                         [(int(words[0]), int(words[1]), words[2]) for words in kernel])
        for entry, words in zip(told, kernel):
            self.assertEqual(len(entry["stats"]), min(17, len(words) - 3))
            self.assertLessEqual(entry["stats"]["read-ios"], int(words[3]))
            self.assertLessEqual(entry["stats"]["write-sectors"], int(words[9]))


class Trimming(StorageCase):
    def trim(self, host, **arguments):
        return host.value("guest-fstrim", arguments, timeout=60)["paths"]

    def test_loop_mounts_give_back_what_is_free(self):
        mounts = [self.mount(kind) for kind in ("ext4", "xfs", "btrfs")]
        host = self.start_seeing_only(*mounts)
        paths = self.trim(host)
        self.assertEqual([result["path"] for result in paths],
                         [mount.path for mount in reversed(mounts)])
        for result in paths:
            self.assertNotIn("error", result)
            self.assertGreater(result["trimmed"], 1 << 20)
            self.assertGreaterEqual(result["minimum"], 0)

    def test_the_image_gets_smaller(self):
        mount = self.mount("ext4")
        filler = os.path.join(mount.path, "filler")
        with open(filler, "wb") as file:
            file.write(os.urandom(8 << 20))
            file.flush()
            os.fsync(file.fileno())
        os.unlink(filler)
        run("sync", "--file-system", mount.path)
        before = os.stat(mount.image).st_blocks * 512
        host = self.start_seeing_only(mount)
        self.trim(host)
        self.assertLess(os.stat(mount.image).st_blocks * 512, before - (4 << 20))

    def test_a_minimum_is_passed_on_and_what_became_of_it_told(self):
        mount = self.mount("ext4")
        host = self.start_seeing_only(mount)
        result, = self.trim(host, minimum=4 << 20)
        self.assertGreaterEqual(result["minimum"], 4 << 20)
        result, = self.trim(host, minimum=-1)
        self.assertEqual(result, {"path": mount.path, "error": "failed to trim: Invalid argument"})

    def test_a_device_that_cannot_trim(self):
        """A loop device on a file of a file system that cannot make holes."""
        memory = os.path.join(self.directory, "memory")
        os.mkdir(memory)
        run("mount", "-t", "ramfs", "none", memory)
        self.addCleanup(run, "umount", memory)
        with LoopMount(memory, "ext4") as mount:
            host = self.start_seeing_only(mount)
            self.assertEqual(self.trim(host),
                             [{"path": mount.path, "error": "trim not supported"}])
            self.agent.stop()

    def test_a_covered_mount_point_does_not_trim_another_one(self):
        ext4, xfs = self.mount("ext4"), self.mount("xfs")
        run("mount", "--bind", xfs.path, ext4.path)
        self.addCleanup(run, "umount", ext4.path)
        host = self.start_seeing_only(ext4, xfs)
        results = {result["path"]: result for result in self.trim(host)}
        self.assertEqual(results[ext4.path]["error"], "failed to open: other mounts cover it")
        self.assertIn("trimmed", results[xfs.path])


class WhileFrozen(StorageCase):
    config = "[freeze]\ndeadline=30s\n"

    def test_what_only_reads_goes_on(self):
        mount = self.mount("ext4")
        host = self.start()
        before = self.info_of(host, mount)
        self.assertEqual(host.value("guest-fsfreeze-freeze-list", {"mountpoints": [mount.path]}),
                         1)
        self.assertEqual(self.info_of(host, mount), before)
        self.assertIn("/dev/" + self.loop_of(mount),
                      [disk["name"] for disk in host.value("guest-get-disks")])
        self.assertTrue(host.value("guest-get-diskstats"))
        self.assert_error(host.ask("guest-fstrim"), "has been disabled", "CommandNotFound")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)


class Inspecting(StorageCase):
    config = "[policy]\nprofile=inspect\n"

    def test_the_profile_has_what_only_reads(self):
        host = self.start()
        for command in ("guest-get-fsinfo", "guest-get-disks", "guest-get-diskstats"):
            self.assertIsInstance(host.value(command), list)
        self.assert_error(host.ask("guest-fstrim"), "has been disabled", "CommandNotFound")


if __name__ == "__main__":
    need_loop_devices()
    main()
