# SPDX-License-Identifier: Apache-2.0
"""More file systems inside a guest: on device mapper over a file in memory, so that a test can have
one whose device stalls, fails or goes away."""

from . import fixture


class Volumes:
    """The volumes of one test class; close() takes all of them away, whatever has become of them."""

    def __init__(self, shell):
        self._shell = shell
        self._names = []
        shell.check("modprobe -a dm-mod loop && mkdir -p /dev/shm/volumes")

    def make(self, *names, kind="ext4", size=24):
        """File systems of `size` MiB on /dev/mapper/lab-NAME, mounted at /mnt/NAME."""
        make = {"ext4": "mkfs.ext4 -q -b 1024 -J size=1", "vfat": "busybox mkdosfs"}[kind]
        self._names += names
        self._shell.check(
            f"set -e; for name in {' '.join(names)}; do"
            f" truncate -s {size}M /dev/shm/volumes/$name;"
            " loop=$(losetup -f --show /dev/shm/volumes/$name);"
            f" echo 0 $(({size} * 2048)) linear $loop 0 | dmsetup create lab-$name;"
            f" {make} /dev/mapper/lab-$name;"
            " mkdir -p /mnt/$name; mount /dev/mapper/lab-$name /mnt/$name; done", 120)

    def stall(self, name):
        """From now on what is read from it or written to it waits."""
        self._shell.check(f"dmsetup suspend --nolockfs --noflush lab-{name}")

    def resume(self, name):
        self._shell.check(f"dmsetup resume lab-{name}")

    def pull(self, name):
        """The device is gone: whatever is read or written fails."""
        self._shell.check(f"dmsetup wipe_table --nolockfs --noflush lab-{name}")

    def close(self):
        names = " ".join(reversed(self._names))
        self._shell.run(
            f"for name in {names}; do dmsetup resume lab-$name; done 2>/dev/null;"
            f"for name in {names}; do while fsfreeze -u /mnt/$name; do :; done;"
            " umount -l /mnt/$name; dmsetup remove --retry lab-$name ||"
            " dmsetup remove --force lab-$name; rmdir /mnt/$name; done 2>/dev/null;"
            "losetup -D; rm -rf /dev/shm/volumes", 120)
        self._names = []


class VolumeTest(fixture.GuestTest):
    """A test with volumes of its own."""

    def setUp(self):
        super().setUp()
        self.volumes = Volumes(self.shell)
        self.addCleanup(self.volumes.close)
        self.mask_shipped_hooks()
        self.addCleanup(self.make_ready)

    def freeze(self, client, *mount_points, **more):
        """The report of a freeze, and from it {mount point: its row}."""
        report = client.command("frostline-freeze", mountpoints=list(mount_points), **more)
        return report, {row["mountpoint"]: row for row in report["filesystems"]}

    def writes(self, *names):
        """Starts a write on each of these volumes."""
        return [self.start_write(f"/mnt/{name}/probe") for name in names]
