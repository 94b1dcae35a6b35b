# SPDX-License-Identifier: Apache-2.0
"""A libvirtd of the lab's own, and guests that it runs."""

import ctypes
import os
import subprocess
import time
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .accel import KVM
from .guest import ACKS_PORT, AGENT_PORT, SHELL_PORT, Guest
from .programs import finish
from .qmp import Qmp
from .run import LabError, find_program, run, tail

URI = "qemu:///system"
_CLONE_NEWNS = 0x00020000

# All that libvirt keeps on a machine. The lab's has its own, in memory.
_FOLDERS = ("/etc/libvirt", "/run/libvirt", "/var/lib/libvirt", "/var/cache/libvirt",
            "/var/log/libvirt")

_LIBVIRTD_CONF = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
"""
# Debian's libvirtd looks its account up before it reads who else to run as. The account comes with
# the services of the machine's own libvirtd, which the lab doesn't need.
_ACCOUNTS = {"/etc/passwd": "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n",
             "/etc/group": "libvirt-qemu:x:64055:\n"}
# No confinement and no cgroups: the lab's machine may be a container without either.
_QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"""


class Libvirt:
    """A libvirtd whose configuration, state and network nobody else on the machine sees.

    This process gets a mount namespace of its own for that, so there is at most one in a process,
    made by its first thread.
    """

    def __init__(self, folder):
        self._log = Path(folder) / "libvirtd.log"
        self._process = None

    def start(self):
        _private_folders()
        _private_accounts(self._log.parent)
        Path("/etc/libvirt/libvirtd.conf").write_text(_LIBVIRTD_CONF)
        Path("/etc/libvirt/qemu.conf").write_text(_QEMU_CONF)
        self._start_daemon()
        return self

    def restart(self, kill=False):
        """Ends the daemon, or kills it; its guests go on. Then starts it again."""
        if kill:
            self._process.kill()
            self._process.wait()
        self._stop_daemon()
        self._start_daemon()

    def stop(self):
        self._stop_daemon()

    def start_virsh(self, *arguments):
        """Starts virsh against this libvirtd."""
        return subprocess.Popen([find_program("virsh"), "-c", URI, *map(str, arguments)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True,
                                env=dict(os.environ, LC_ALL="C.UTF-8"))

    def virsh(self, *arguments, limit=90):
        """Runs virsh to its end, however that is."""
        return finish(self.start_virsh(*arguments), limit)

    def check(self, *arguments, limit=90):
        """Runs a virsh that must succeed and returns what it printed."""
        done = self.virsh(*arguments, limit=limit)
        if done.status != 0:
            raise LabError(f"virsh {' '.join(map(str, arguments))}: exit status {done.status}\n"
                           f"{tail(done.output + done.errors)}")
        return done.output

    def frostline(self, programs, *arguments, limit=120):
        """Runs the host tool against this libvirtd."""
        process = subprocess.Popen([str(programs.tool), "--connect", URI, *map(str, arguments)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True,
                                   env=dict(os.environ, LC_ALL="C.UTF-8"))
        return finish(process, limit)

    def log_tail(self):
        """The last of what libvirtd said, for an error message."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "  libvirtd.log:\n" + tail(text)

    def _start_daemon(self):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [find_program("setpriv"), "--pdeathsig", "TERM",
                 find_program("unshare"), "--net", find_program("libvirtd")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 60
        while True:
            if self._process.poll() is not None:
                raise LabError(f"libvirtd ended at once\n{self.log_tail()}")
            # It says nowhere that its socket is there, but for systemd.
            if self.virsh("version").status == 0:
                return
            if time.monotonic() > until:
                self._stop_daemon()
                raise LabError(f"libvirtd does not answer\n{self.log_tail()}")
            time.sleep(0.1)

    def _stop_daemon(self):
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class LibvirtGuest(Guest):
    """A guest like the lab's others that libvirt runs: its agent can be asked only through that."""

    _PORT_ENDS = {"shell": ("charua-shell", "ua-shell"), "agent": ("charua-agent", "ua-agent")}

    def __init__(self, libvirt, name, *arguments, **options):
        """`name` is the domain's; the rest as for Guest, but for its hardware."""
        super().__init__(*arguments, **options)
        self.libvirt = libvirt
        self.name = name
        self.agent_socket = None

    def virsh(self, verb, *arguments, limit=90):
        """Runs a virsh verb on this domain to its end, however that is."""
        return self.libvirt.virsh(verb, self.name, *arguments, limit=limit)

    def check(self, verb, *arguments, limit=90):
        """The same, when it must succeed; returns what it printed."""
        return self.libvirt.check(verb, self.name, *arguments, limit=limit)

    def state(self):
        return self.check("domstate").strip()

    def _launch(self):
        definition = self.folder / "domain.xml"
        definition.write_text(self._definition())
        self.libvirt.check("create", definition)
        self.qmp = Qmp(self.folder / "lab-monitor.sock")

    def _end(self):
        self.libvirt.virsh("destroy", self.name)

    def _definition(self):
        """The same machine as Guest._argv(), and a network card."""
        kind = "kvm" if self._accel == KVM else "qemu"
        cpu = ("<cpu mode='host-passthrough'/>" if self._accel == KVM else
               "<cpu mode='maximum'/>")
        disks = "".join(
            f"""
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='unsafe' discard='unmap'/>
      <source file={quoteattr(str(path))}/>
      <target dev='vd{chr(ord('a') + index)}' bus='virtio'/>
      <serial>{escape(name)}</serial>
    </disk>""" for index, (name, path) in enumerate(self.disks.items()))
        return f"""\
<domain type='{kind}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{escape(self.name)}</name>
  <memory unit='MiB'>768</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{escape(str(self.image.kernel))}</kernel>
    <initrd>{escape(str(self._initrd()))}</initrd>
    <cmdline>{escape(self._kernel_arguments())}</cmdline>
  </os>
  <features><acpi/></features>
  {cpu}
  <pm><suspend-to-mem enabled='yes'/><suspend-to-disk enabled='yes'/></pm>
  <on_reboot>restart</on_reboot>
  <devices>
    <emulator>{find_program("qemu-system-x86_64")}</emulator>{disks}
    <controller type='usb' model='none'/>
    <interface type='user'>
      <mac address='52:54:00:f0:57:01'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
    <serial type='file'>
      <source path={quoteattr(str(self.console))}/>
      <target type='isa-serial' port='0'/>
    </serial>
    <channel type='unix'>
      <source mode='connect' path='{self.folder}/shell.sock'/>
      <target type='virtio' name='{SHELL_PORT}'/>
      <alias name='ua-shell'/>
    </channel>
    <channel type='unix'>
      <source mode='connect' path='{self.folder}/acks.sock'/>
      <target type='virtio' name='{ACKS_PORT}'/>
      <alias name='ua-acks'/>
    </channel>
    <channel type='unix'>
      <target type='virtio' name='{AGENT_PORT}'/>
      <alias name='ua-agent'/>
    </channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-qmp'/>
    <qemu:arg value='unix:{self.folder}/lab-monitor.sock,server=on,wait=off'/>
  </qemu:commandline>
</domain>
"""


def _private_folders():
    """Lays empty folders over libvirt's own, seen by this process and its children only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise LabError(f"unshare: {os.strerror(ctypes.get_errno())}; the lab's libvirtd needs root")
    if os.path.ismount("/"):  # in a plain chroot it is none
        run("mount", "--make-rprivate", "/")
    for folder in _FOLDERS:
        os.makedirs(folder, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "frostline-lab", folder)


def _private_accounts(folder):
    """Adds libvirt's account to those that this process and its children see."""
    for path, line in _ACCOUNTS.items():
        known = Path(path).read_text()
        name = line.split(":", 1)[0]
        if not any(known_line.startswith(f"{name}:") for known_line in known.splitlines()):
            copy = Path(folder) / Path(path).name
            copy.write_text(known.rstrip("\n") + "\n" + line)
            run("mount", "--bind", copy, path)
