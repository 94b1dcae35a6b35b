# SPDX-License-Identifier: Apache-2.0
"""Makes the guest's image from the machine's own Debian package sources, and keeps it."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from . import disks, kernel
from .run import LabError, find_program, need_space, run, tail

RELEASE = "bookworm"

PACKAGES = (
    "systemd", "systemd-sysv", "udev",
    "linux-image-cloud-amd64",  # virtio and the file systems, and little else to load
    "busybox-static",           # for the initial RAM disk
    "e2fsprogs", "xfsprogs",
    "postgresql",
    # The other databases that hooks are shipped for; guest/databases.sh starts them.
    "mariadb-server-core", "mariadb-client-core", "redis-tools", "etcd-server", "sqlite3",
    "qemu-guest-agent",         # the plain one, that Frostline's host tool must cope with
    # What frostline-agent is linked with.
    "libglib2.0-0", "libjson-glib-1.0-0", "libudev1", "libmount1",
)

# Left out of the image: nothing here reads them. PostgreSQL's just-in-time compiler (120 MB of
# LLVM) is switched off in guest/postgresql.conf.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/lib/*/libLLVM*")

# (label, file system, size, folder of the tree that goes into it)
DATA_DISKS = (("lab-pgdata", "xfs", "2G", "srv/pgdata"), ("lab-pgwal", "ext4", "1G", "srv/pgwal"))

_GUEST_FILES = Path(__file__).parent / "guest"


class Image:
    """A finished image in the cache. All paths are read-only for everybody else."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.kernel = self.folder / "vmlinux"
        self.root_initrd = self.folder / "root.initrd"
        self.probe_initrd = self.folder / "probe.initrd"
        # In the order in which the guest gets them.
        self.disks = {"root": self.folder / "root.raw", "pgdata": self.folder / "lab-pgdata.raw",
                      "pgwal": self.folder / "lab-pgwal.raw"}


def cache_folder():
    """Where images are kept: $FROSTLINE_LAB, else frostline-lab in the user's or system's cache."""
    if "FROSTLINE_LAB" in os.environ:
        return Path(os.environ["FROSTLINE_LAB"]).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "frostline-lab"


def prepare(say=lambda text: None):
    """Returns the image, making it first when the cache has none (about a minute, needs root).

    `say` is called with one line when something is going to take long.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"guest-{_key()}"
    with _lock(cache / "lock"):
        if folder.is_dir():
            os.utime(folder)
            return Image(folder)
        if os.geteuid() != 0:
            raise LabError("making the guest's image needs root; run as root once, then it's kept")
        for left in cache.glob("making-*"):  # by a run that was killed; the lock says it's over
            shutil.rmtree(left, ignore_errors=True)
        need_space(cache, 2.5, "making the guest's image")
        say("making the guest's image from Debian packages; this is kept for the next time")
        scratch = Path(tempfile.mkdtemp(prefix="making-", dir=cache))
        try:
            _make(scratch)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        _drop_old(cache, folder)
    return Image(folder)


def _make(folder):
    tree = folder / "tree"
    _install_packages(tree, folder)
    # mmdebstrap hands over the folder with the mode of a temporary one.
    tree.chmod(0o755)
    vmlinuz = sorted((tree / "boot").glob("vmlinuz-*"))
    if not vmlinuz:
        raise LabError("linux-image-cloud-amd64 left no /boot/vmlinuz-* in the guest")
    kernel.unpack_kernel(vmlinuz[-1], folder / "vmlinux")
    kernel.write_root_initrd(tree, folder / "root.initrd")
    kernel.write_probe_initrd(tree, folder / "probe.initrd")
    shutil.rmtree(tree / "boot")
    (tree / "boot").mkdir()
    for label, kind, size, inside in DATA_DISKS:
        make = disks.make_xfs if kind == "xfs" else disks.make_ext4
        make(folder / f"{label}.raw", label, size, tree / inside)
        shutil.rmtree(tree / inside)
        (tree / inside).mkdir()
    disks.make_ext4(folder / "root.raw", "lab-root", "2G", tree)
    shutil.rmtree(tree)


def _install_packages(tree, folder):
    sources = folder / "sources.list"
    sources.write_text("".join(f"deb {source}\n" for source in _sources()))
    argv = [find_program("mmdebstrap"), "--mode=root", "--variant=minbase",
            f"--include={','.join(PACKAGES)}", '--aptopt=APT::Install-Recommends "false"',
            *(f"--aptopt={option}" for option in _acquire_options()),
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
            f"--essential-hook={_GUEST_FILES}/image-setup before \"$1\"",
            f"--customize-hook={_GUEST_FILES}/image-setup after \"$1\"",
            RELEASE, str(tree), str(sources)]
    # INITRD=No: the lab makes its own initial RAM disk; Debian's would take half a minute.
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=1800,
                          env=dict(os.environ, INITRD="No", LC_ALL="C"))
    sources.unlink()
    if done.returncode != 0:
        raise LabError(
            "mmdebstrap could not make the guest; are the machine's package sources reachable "
            f"(apt-get update)? It ended with:\n{tail(done.stdout.decode(errors='replace'), 12)}")


def _sources():
    """The machine's own Debian sources of the guest's release, as apt knows them."""
    listed = run("apt-get", "indextargets", "--format",
                 "$(ORIGIN)|$(REPO_URI) $(CODENAME) $(COMPONENT)", "Identifier: Packages")
    sources = set()
    for line in listed.splitlines():
        origin, _, source = line.partition("|")
        words = source.split()
        if origin == "Debian" and len(words) == 3 and words[1].split("-")[0] == RELEASE:
            sources.add(source)
    if not sources:
        raise LabError(f"apt knows no Debian {RELEASE} package source on this machine; "
                       "the lab needs a Debian 12 machine on which apt-get update has run")
    return sorted(sources)


def _acquire_options():
    """How this machine fetches packages (proxies, certificates), for mmdebstrap to do the same."""
    wanted = ("Proxy", "CaInfo", "Verify-Peer", "SslCert", "SslKey")
    for line in run("apt-config", "dump", "Acquire").splitlines():
        name, _, value = line.partition(" ")
        if any(word.lower() in name.lower() for word in wanted) and value != '"";':
            yield line.rstrip(";")


def _key():
    """Changes with everything that the image is made of, but not with each package update."""
    digest = hashlib.sha256()
    for name in ("image.py", "disks.py", "kernel.py", "cpio.py"):
        digest.update((Path(__file__).parent / name).read_bytes())
    for path in sorted(_GUEST_FILES.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(_GUEST_FILES)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _lock(path):
    with open(path, "w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _drop_old(cache, current):
    """Forgets images of older versions of the lab that nobody has used for two days."""
    for folder in cache.glob("guest-*"):
        if folder != current and time.time() - folder.stat().st_mtime > 2 * 24 * 3600:
            shutil.rmtree(folder, ignore_errors=True)
    for folder in cache.glob("making-*"):
        if time.time() - folder.stat().st_mtime > 24 * 3600:
            shutil.rmtree(folder, ignore_errors=True)
