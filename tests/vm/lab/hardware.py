# SPDX-License-Identifier: Apache-2.0
"""More hardware for a guest: disks on other controllers than virtio's."""

from pathlib import Path


class Hardware:
    """Collects options for QEMU's command line; `argv` goes to Guest(hardware=...)."""

    def __init__(self, folder):
        """`folder` takes the disks' files."""
        self.argv = []
        self._folder = Path(folder)

    def device(self, driver, name, **options):
        """A device whose id is `name`. In option names _ stands for -; slot is a PCI slot."""
        if "slot" in options:
            options["addr"] = hex(options.pop("slot"))
        words = [driver, f"id={name}"]
        words += [f"{key.replace('_', '-')}={value}" for key, value in options.items()]
        self.argv += ["-device", ",".join(words)]

    def disk(self, driver, name, content=None, size=64 << 20, **options):
        """A disk with that serial number on a raw file: `content`, or an empty one."""
        if content is None:
            content = self._folder / f"{name}.raw"
            with open(content, "wb") as file:
                file.truncate(size)
        self.argv += [
            "-blockdev", f"driver=file,node-name={name}-file,filename={content},"
                         "cache.no-flush=on,discard=unmap",
            "-blockdev", f"driver=raw,node-name={name},file={name}-file,discard=unmap",
        ]
        self.device(driver, name, drive=name, serial=name, **options)


def pci_addresses(qmp):
    """Where QEMU has its PCI devices, behind bridges too: {id: (bus, slot, function)}."""
    found = {}

    def collect(devices):
        for device in devices:
            found[device["qdev_id"]] = (device["bus"], device["slot"], device["function"])
            collect(device.get("pci_bridge", {}).get("devices", ()))

    for bus in qmp.command("query-pci"):
        collect(bus["devices"])
    return found
