# SPDX-License-Identifier: Apache-2.0
"""What the agent tells of disks, against what QEMU has plugged in.

The guest's kernel is Debian's for clouds. It has no drivers for AHCI, USB and the LSI controllers:
these are known from samples only (tests/unit/system/machines.hpp).
"""

import atexit
import contextlib
import json
import struct

from lab import fixture
from lab import image as lab_image
from lab.fixture import BUSY
from lab.guest import Guest, make_disks
from lab.hardware import Hardware, pci_addresses
from lab.qga import QgaError
from lab.run import LabError, find_program, run

# serial: (id of the PCI device, bus type, bus, target, unit); None: not known to hosts.
DISKS = {
    "root": ("disk-root", "virtio", 0, 0, 0),
    "plain": ("plain", "virtio", 0, 0, 0),
    "behind": ("behind", "virtio", 0, 0, 0),
    "parts": ("parts", "virtio", 0, 0, 0),
    "express": ("express", "nvme", 0, 0, 0),
    "scsi34": ("vscsi", "scsi", 0, 3, 4),
    "scsi00": ("vscsi", "scsi", 0, 0, 0),
    "ide01": ("ide", "ide", 0, 0, 1),
    "ide10": ("ide", "ide", 1, 0, 0),
    "foreign": (None, "unknown", 0, 0, 0),
}

# In the order of mounting. The raid is made without mdadm, which the guest does not have.
SET_UP = r"""
set -e
node() { udevadm settle; readlink -f /dev/disk/by-id/*$1 | head -n 1; }
modprobe -a dm-mod raid1 btrfs
printf '0 65536 linear %s 0\n65536 65536 linear %s 0\n' $(node plain) $(node express_1) |
    dmsetup create lab-volume
echo md127 > /sys/module/md_mod/parameters/new_array
cd /sys/block/md127/md
echo none > metadata_version; echo raid1 > level; echo 2 > raid_disks; echo 57344 > component_size
slot=0
for disk in $(node scsi00) $(node behind); do
    cat /sys/class/block/${disk#/dev/}/dev > new_dev
    echo $slot > dev-${disk#/dev/}/slot
    slot=1
done
echo active > array_state
mkdir /mnt/volume /mnt/raid /mnt/pool /mnt/part /mnt/still
for pair in /dev/mapper/lab-volume:volume /dev/md127:raid $(node parts)1:part $(node ide01):still; do
    mkfs.ext4 -q ${pair%:*}
    mount ${pair%:*} /mnt/${pair#*:}
done
mount LABEL=lab-pool /mnt/pool
"""

ASK_PLAIN = r"""perl -MIO::Socket::UNIX -e '
    $s = IO::Socket::UNIX->new("/run/plain.sock") or die "cannot connect: $!";
    print $s qq({"execute": "$ARGV[0]"}\n); print scalar <$s>' """


def partitioned(path):
    """A disk with a partition of 32 MiB, and a second one, number 3, behind it."""
    def entry(start, count):
        return struct.pack("<B3sB3sII", 0, b"\0\0\0", 0x83, b"\0\0\0", start, count)

    table = entry(2048, 65536) + bytes(16) + entry(2048 + 65536, 2048) + bytes(16)
    with open(path, "wb") as file:
        file.write(bytes(446) + table + b"\x55\xaa")
        file.truncate(64 << 20)
    return path


def pool(folder):
    """The two disks of one btrfs."""
    paths = [folder / f"pool{number}.raw" for number in (0, 1)]
    for path in paths:
        with open(path, "wb") as file:
            file.truncate(128 << 20)
    run(find_program("mkfs.btrfs"), "-q", "-f", "-L", "lab-pool", *paths)
    return paths


def hardware(folder):
    made = Hardware(folder)
    made.device("pcie-root-port", "bridge", slot=0x10, chassis=1)
    made.disk("virtio-blk-pci", "plain", slot=0x11)
    made.disk("virtio-blk-pci", "behind", bus="bridge")
    made.disk("virtio-blk-pci", "parts", partitioned(folder / "parts.raw"), slot=0x12)
    made.disk("nvme", "express", slot=0x13)
    made.device("virtio-scsi-pci", "vscsi", slot=0x14)
    made.disk("scsi-hd", "scsi34", bus="vscsi.0", scsi_id=3, lun=4)
    made.disk("scsi-hd", "scsi00", bus="vscsi.0", scsi_id=0, lun=0)
    made.device("piix3-ide", "ide", slot=0x15)
    made.disk("ide-hd", "ide01", bus="ide.0", unit=1)
    made.disk("ide-hd", "ide10", bus="ide.1", unit=0)
    made.device("pvscsi", "other", slot=0x16)
    made.disk("scsi-hd", "foreign", bus="other.0", scsi_id=2)
    for number, path in enumerate(pool(folder)):
        made.disk("virtio-blk-pci", f"pool{number}", path, slot=0x17 + number, discard="off")
    return made.argv


def start_guest():
    image = lab_image.prepare(print)
    folder = fixture.make_folder("storage")
    payload = fixture.programs().payload(folder / "payload.cpio")
    guest = Guest(image, folder, make_disks(folder, image.disks), payload,
                  hardware=hardware(folder))
    atexit.register(guest.stop)
    guest.start()
    try:
        guest.wait_shell()
        guest.wait_agent()
        guest.shell.check(SET_UP, 120)
    except LabError as error:
        raise LabError(f"{error}\n{guest.console_tail()}") from error
    return guest


class Storage(fixture.GuestTest):
    @classmethod
    def setUpClass(cls):
        cls.guest = start_guest()
        cls.shell = cls.guest.shell
        cls.programs = fixture.programs()

    @classmethod
    def tearDownClass(cls):
        cls.guest.stop()

    def disks(self, client):
        return {disk["name"]: disk for disk in client.command("guest-get-disks")}

    def by_serial(self, client):
        """The addresses of all disks, by the serial number that QEMU gave them."""
        addresses = [disk["address"] for disk in self.disks(client).values() if "address" in disk]
        return {serial: address for serial in (*DISKS, "pool0", "pool1") for address in addresses
                if address.get("serial", "").split("_1")[0].endswith(serial)}

    def mounted(self, client):
        return {entry["mountpoint"]: entry for entry in client.command("guest-get-fsinfo")}

    def serials(self, entry):
        return [disk["serial"].replace("express_1", "express").rsplit("_", 1)[-1]
                for disk in entry["disk"]]

    def plain(self, command):
        """The answer of Debian's own agent in the same guest."""
        self.shell.check("mkdir -p /run/plain; test -e /run/plain.pid || "
                         "/usr/lib/frostline-lab/qemu-ga -d -m unix-listen -p /run/plain.sock "
                         "-t /run/plain -f /run/plain.pid")
        self.addCleanup(self.shell.check,
                        "test ! -e /run/plain.pid || kill $(cat /run/plain.pid)")
        return json.loads(self.shell.check(ASK_PLAIN + command))["return"]

    def test_every_disk_is_where_qemu_has_it(self):
        places = pci_addresses(self.guest.qmp)
        found = self.by_serial(self.qga())
        for serial, (device, *expected) in DISKS.items():
            with self.subTest(serial):
                address = found[serial]
                self.assertEqual([address[key] for key in ("bus-type", "bus", "target", "unit")],
                                 expected)
                pci = address["pci-controller"]
                self.assertEqual((pci["bus"], pci["slot"], pci["function"]),
                                 places[device] if device else (-1, -1, -1))
                self.assertEqual(pci["domain"], 0 if device else -1)

    def test_only_the_nvme_disk_tells_its_health(self):
        telling = {disk["name"]: disk["smart"] for disk in self.disks(self.qga()).values()
                   if "smart" in disk}
        self.assertEqual(list(telling), ["/dev/nvme0n1"])
        smart = telling["/dev/nvme0n1"]
        self.assertEqual(smart["type"], "nvme")
        self.assertEqual(len(smart), 26)
        self.assertGreater(smart["temperature"], 273)
        self.assertGreater(smart["host-read-commands-lo"], 0)
        self.assertEqual(smart["host-read-commands-hi"], 0)

    def test_partitions_name_their_disk(self):
        client = self.qga()
        disk = self.by_serial(client)["parts"]["dev"]
        disks = self.disks(client)
        names = list(disks)
        place = names.index(disk)
        self.assertEqual(names[place:place + 3], [disk, disk + "1", disk + "3"])
        for name in (disk + "1", disk + "3"):
            self.assertEqual(disks[name],
                             {"name": name, "partition": True, "dependencies": [disk]})
        self.assertEqual(self.mounted(client)["/mnt/part"]["disk"][0]["dev"], disk + "1")

    def test_what_is_made_of_several_disks_names_all(self):
        client = self.qga()
        mounted = self.mounted(client)
        self.assertEqual(self.serials(mounted["/mnt/volume"]), ["express", "plain"])
        self.assertEqual(sorted(self.serials(mounted["/mnt/raid"])), ["behind", "scsi00"])
        self.assertEqual(self.serials(mounted["/mnt/pool"]), ["pool0", "pool1"])
        volume = self.disks(client)["/dev/dm-0"]
        self.assertEqual(volume["alias"], "lab-volume")
        self.assertEqual([name.rstrip("abcdefgh") for name in volume["dependencies"]],
                         ["/dev/nvme0n1", "/dev/v"])
        self.assertNotIn("address", volume)

    def test_the_last_mounted_comes_first_with_the_numbers_of_df(self):
        entries = self.qga().command("guest-get-fsinfo")
        points = [entry["mountpoint"] for entry in entries]
        self.assertEqual(points[:5], ["/mnt/pool", "/mnt/still", "/mnt/part", "/mnt/raid",
                                      "/mnt/volume"])
        self.assertEqual(points[-1], "/")
        for entry in entries[:5]:
            told = [entry["used-bytes"], entry["total-bytes-privileged"]]
            shown = self.shell.check(
                f"df --block-size=1 --output=used,size {entry['mountpoint']}").split()[-2:]
            self.assertEqual(told, [int(number) for number in shown], entry["mountpoint"])

    def test_plain_qga_says_the_same_but_for_what_ours_does_better(self):
        client = self.qga()
        theirs = {disk["name"]: disk for disk in self.plain("guest-get-disks")}
        ours = self.disks(client)
        for disk in (*ours.values(), *theirs.values()):
            disk["dependencies"].sort()
            disk.get("smart", {}).clear()  # its counters go on
        far = self.by_serial(client)["scsi34"]["dev"]
        self.assertEqual(theirs[far]["address"]["target"], 0)  # it is 3
        theirs[far]["address"]["target"] = 3
        self.assertEqual(ours, theirs)

        theirs = {entry["mountpoint"]: entry for entry in self.plain("guest-get-fsinfo")}
        ours = self.mounted(client)
        self.assertEqual(list(ours), list(theirs))
        self.assertEqual(len(theirs["/mnt/pool"]["disk"]), 1)  # it has two
        theirs["/mnt/pool"]["disk"] = ours["/mnt/pool"]["disk"]
        for entry in (*ours.values(), *theirs.values()):
            entry["disk"].sort(key=lambda disk: disk["dev"])
            for number in ("used-bytes", "total-bytes", "total-bytes-privileged"):
                entry.pop(number, None)  # the guest goes on writing; the last one is newer
        self.assertEqual(ours, theirs)

    def test_trim(self):
        paths = self.qga().command("guest-fstrim", 60)["paths"]
        results = {result["path"]: result for result in paths}
        self.assertEqual([result["path"] for result in paths][:2], ["/mnt/pool", "/mnt/still"])
        self.assertEqual(results["/mnt/pool"]["error"], "trim not supported")
        for path in ("/mnt/volume", "/mnt/part", "/srv/pgdata", "/"):
            self.assertNotIn("error", results[path])
            self.assertGreaterEqual(results[path]["trimmed"], 0)
        self.assertGreater(results["/srv/pgdata"]["trimmed"], 1 << 20)

    def test_while_everything_is_frozen(self):
        client = self.qga()
        before = list(self.mounted(client).values())
        disks = list(self.disks(client))
        self.assertGreater(client.command("guest-fsfreeze-freeze", 60), 5)
        entries = list(self.mounted(client).values())
        self.assertEqual([entry["disk"] for entry in entries],
                         [entry["disk"] for entry in before])
        self.assertTrue(all("used-bytes" in entry for entry in entries))
        self.assertEqual(list(self.disks(client)), disks)
        self.assertIn("smart", self.disks(client)["/dev/nvme0n1"])
        self.assertIn("vda", [entry["name"] for entry in client.command("guest-get-diskstats")])
        with self.assertRaises(QgaError) as refused:
            client.command("guest-fstrim")
        self.assertEqual(refused.exception.error_class, "CommandNotFound")
        client.command("guest-fsfreeze-thaw", 60)

    def mount_the_one_that_goes(self, client):
        """Mounts a disk at /mnt/gone; its node and its number."""
        node = self.by_serial(client)["scsi34"]["dev"]
        number = self.shell.check(f"cat /sys/class/block/{node[5:]}/dev").strip()
        self.shell.check(f"mkfs.ext4 -qF {node} && mkdir /mnt/gone && mount {node} /mnt/gone")
        self.addCleanup(self.shell.check, "umount -l /mnt/gone; rmdir /mnt/gone")
        return node, number

    def unplug(self, number):
        """Takes that disk away until the end of the test."""
        self.guest.qmp.forget_events()
        self.guest.qmp.command("device_del", id="scsi34")
        self.guest.qmp.wait_event("DEVICE_DELETED", 20, device="scsi34")
        self.addCleanup(self.guest.qmp.command, "device_add", driver="scsi-hd", id="scsi34",
                        bus="vscsi.0", drive="scsi34", serial="scsi34",
                        **{"scsi-id": 3, "lun": 4})
        self.shell.check(f"udevadm wait --timeout=30 --removed /sys/dev/block/{number}")

    def test_a_disk_unplugged_while_mounted_fails_nothing(self):
        client = self.qga()
        node, number = self.mount_the_one_that_goes(client)
        self.unplug(number)
        entries = self.mounted(client)
        self.assertEqual((entries["/mnt/gone"]["name"], entries["/mnt/gone"]["disk"]),
                         (number, []))
        self.assertEqual(self.serials(entries["/mnt/volume"]), ["express", "plain"])
        self.assertNotIn(node, self.disks(client))

    def test_a_disk_unplugged_while_frozen_keeps_nothing_else_frozen(self):
        client = self.qga()
        _, number = self.mount_the_one_that_goes(client)
        paths = ["/mnt/gone", "/mnt/volume"]
        self.assertEqual(client.command("guest-fsfreeze-freeze-list", mountpoints=paths), 2)
        self.unplug(number)
        writes = [self.start_write(f"{path}/probe") for path in paths[1:]]
        self.assert_blocked(writes)
        with contextlib.suppress(QgaError):  # it may say that one could not be thawed
            client.command("guest-fsfreeze-thaw")
        self.assert_written(writes, BUSY)
        self.assertEqual(client.command("guest-fsfreeze-status"), "thawed")
