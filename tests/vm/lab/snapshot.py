# SPDX-License-Identifier: Apache-2.0
"""Snapshots by the lab itself: the control copies that the host tool's are compared with."""

from pathlib import Path

from .run import run


def switch_disks(guest, name):
    """Moves all disks of a guest to new overlays in one QMP transaction, freezing nothing.

    Returns {disk: the image that is now fixed}. Works repeatedly.
    """
    fixed = {disk: active_file(guest, disk) for disk in guest.disks}
    actions = []
    for disk, base in fixed.items():
        overlay = Path(guest.folder) / f"{disk}-{name}.qcow2"
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", "-u",
            overlay, str(virtual_size(guest, disk)))
        node = f"{disk}-{name}"
        guest.qmp.command("blockdev-add", driver="qcow2", node_name=node, backing=None,
                          file={"driver": "file", "filename": str(overlay)})
        actions.append({"type": "blockdev-snapshot",
                        "data": {"node": _active(guest, disk)["inserted"]["node-name"],
                                 "overlay": node}})
    guest.qmp.command("transaction", actions=actions)
    return fixed


def active_file(guest, disk):
    """The image file that a disk of the guest writes to now."""
    return Path(_active(guest, disk)["inserted"]["image"]["filename"])


def virtual_size(guest, disk):
    return _active(guest, disk)["inserted"]["image"]["virtual-size"]


def _active(guest, disk):
    for device in guest.qmp.command("query-block"):
        if f"/disk-{disk}/" in device.get("qdev", "") + "/":
            return device
    raise LookupError(f"the guest has no disk {disk}")
