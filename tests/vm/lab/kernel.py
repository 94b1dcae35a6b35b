# SPDX-License-Identifier: Apache-2.0
"""The guest's kernel, unpacked, and the small initial RAM disks that go with it."""

import gzip
import lzma
import struct
import subprocess
from pathlib import Path

from .cpio import CpioWriter
from .run import LabError, find_program

# What is needed to find and mount the root file system; the rest is loaded by udev afterwards.
ROOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")

_ROOT_INIT = """#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev
for module in $($bb cat /modules/order); do $bb insmod /modules/$module; done
# The disk's node appears in devtmpfs before insmod returns.
root=$($bb findfs LABEL=lab-root) || root=/dev/vda
$bb mount -t ext4 $root /root || exec $bb sh
# What is under test, laid over the cached image (see payload.py).
if [ -d /payload ]; then $bb cp -af /payload/. /root/; fi
$bb umount /dev
exec $bb switch_root /root /sbin/init
"""

_PROBE_INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox echo frostline-lab-probe-ok > /dev/ttyS0
/bin/busybox poweroff -f
"""


def unpack_kernel(bzimage, target):
    """Writes the ELF kernel inside a bzImage: without KVM that boots several seconds faster."""
    data = Path(bzimage).read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{bzimage} is no Linux bzImage")
    real_mode = (data[0x1F1] or 4) * 512 + 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[real_mode + offset:real_mode + offset + length]
    elf = _decompress(payload)
    if not elf.startswith(b"\x7fELF"):
        raise LabError(f"{bzimage}: its payload isn't an ELF kernel in a known compression")
    Path(target).write_bytes(elf)


def _decompress(payload):
    # The kernel's build appends the unpacked size to most formats, which the programs take for
    # garbage after the end; hence what came out is looked at, not the exit status.
    if payload.startswith(b"\x1f\x8b"):
        return gzip.decompress(payload[:-4])
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(payload)
    for magic, program in ((b"\x02\x21\x4c\x18", "lz4"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if payload.startswith(magic):
            done = subprocess.run([find_program(program), "-dc"], input=payload,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            return done.stdout
    return b""


def write_root_initrd(tree, target):
    """The initial RAM disk that mounts the root file system, made from a guest's tree."""
    archive = _archive(tree, _ROOT_INIT)
    archive.folder("root")
    order = []
    for path in _module_closure(tree, ROOT_MODULES):
        archive.file(f"modules/{path.name}", path.read_bytes())
        order.append(path.name)
    archive.file("modules/order", "\n".join(order) + "\n")
    archive.write(target)


def write_probe_initrd(tree, target):
    """An initial RAM disk that says hello on the serial console and turns the machine off."""
    _archive(tree, _PROBE_INIT).write(target)


def _archive(tree, init):
    archive = CpioWriter()
    archive.folder("dev")
    archive.file("bin/busybox", (Path(tree) / "bin/busybox").read_bytes(), 0o755)
    archive.file("init", init, 0o755)
    return archive


def _module_closure(tree, names):
    """Paths of the modules and all they need, in an order in which they can be loaded."""
    base = next((Path(tree) / "lib/modules").iterdir())
    needs = {}
    for line in (base / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {Path(path).stem.replace("-", "_"): path for path in needs}
    builtin = {Path(line).stem.replace("-", "_")
               for line in (base / "modules.builtin").read_text().splitlines()}
    order = []
    for name in names:
        if name in builtin:
            continue
        if name not in by_name:
            raise LabError(f"the guest's kernel has no module {name}")
        # modules.dep lists everything needed, the innermost last.
        for path in [*reversed(needs[by_name[name]]), by_name[name]]:
            if path not in order:
                order.append(path)
    return [base / path for path in order]
