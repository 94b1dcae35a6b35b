# SPDX-License-Identifier: Apache-2.0
"""Finds out whether KVM really works here, by booting something, and remembers it."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from .run import LabError, find_program

TCG = "tcg,thread=multi"
KVM = "kvm"

# A working KVM needs well under a second and TCG about one; a broken one never ends.
_PROBE_LIMIT = 10


def accelerator(image):
    """The value for QEMU's -accel: "kvm" where a kernel boots under it, else TCG.

    FROSTLINE_LAB_ACCEL=kvm|tcg decides without trying. The answer is kept in the lab's cache
    until the machine boots again, since an open /dev/kvm says nothing: guests may hang on it.
    """
    wanted = os.environ.get("FROSTLINE_LAB_ACCEL", "")
    if wanted:
        if wanted not in ("kvm", "tcg"):
            raise LabError(f"FROSTLINE_LAB_ACCEL={wanted}: must be kvm or tcg")
        return KVM if wanted == "kvm" else TCG
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    memory = image.folder.parent / "accelerator.json"
    key = {"boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
           "qemu": os.stat(find_program("qemu-system-x86_64")).st_mtime}
    known = _recall(memory)
    if known and all(known.get(name) == value for name, value in key.items()):
        return known["accel"]
    answer = KVM if _boots(image, KVM) else TCG
    with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False) as out:
        json.dump({**key, "accel": answer}, out)
    os.replace(out.name, memory)
    return answer


def _recall(memory):
    try:
        known = json.loads(memory.read_text())
        return known if known["accel"] in (KVM, TCG) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def cpu_model(accel):
    """The CPU that the guest sees."""
    return "host" if accel == KVM else "max"


def _boots(image, accel):
    argv = [
        find_program("qemu-system-x86_64"), "-accel", accel, "-cpu", cpu_model(accel),
        "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-m", "256",
        "-no-reboot", "-serial", "stdio", "-kernel", str(image.kernel),
        "-initrd", str(image.probe_initrd), "-append", "console=ttyS0 quiet panic=-1",
    ]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=_PROBE_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b"frostline-lab-probe-ok" in done.stdout
