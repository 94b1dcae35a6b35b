# SPDX-License-Identifier: Apache-2.0
"""Starts a guest, waits for what it does, and ends it."""

import signal
import subprocess
import time
from pathlib import Path

from .accel import accelerator, cpu_model
from .ports import Acknowledgements
from .qmp import Qmp
from .run import LabError, find_program, run, tail
from .shell import GuestShell

AGENT_PORT = "org.qemu.guest_agent.0"
SHELL_PORT = "org.frostline.lab.shell"
ACKS_PORT = "org.frostline.lab.acks"

# Each of these saves time without KVM or makes two runs more alike.
COMMAND_LINE = (
    "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr audit=0 no_timer_check "
    "cryptomgr.notests random.trust_cpu=on rcupdate.rcu_expedited=1 systemd.show_status=0"
)


class Guest:
    """A running guest. Its agent listens at `agent_socket`, its monitor at `monitor_socket`, and
    behind `serial_socket` is its second serial line, ttyS1."""

    # What QEMU calls a port's two ends: its character device and its device.
    _PORT_ENDS = {"shell": ("shell", "shell0"), "agent": ("agent", "agent0")}

    def __init__(self, image, folder, disks, payload=None, command_line="", hardware=()):
        """Makes ready, starts nothing yet.

        `folder` is private to this guest and exists; its path is short, for the sockets in it.
        `disks` is {name: qcow2 file}; the names become QEMU's node names.
        `payload` is an archive of payload.py. `command_line` is added to the kernel's, `hardware`
        to QEMU's; PCI slots from 0x10 on are free for it.
        """
        self.image = image
        self.folder = Path(folder)
        self.disks = dict(disks)
        self.agent_socket = self.folder / "agent.sock"
        self.monitor_socket = self.folder / "monitor.sock"  # for the program under test
        self.serial_socket = self.folder / "serial.sock"
        self.console = self.folder / "console.log"
        self.qmp = None
        self.shell = None
        self.acks = None
        self._payload = payload
        self._command_line = command_line
        self._hardware = list(hardware)
        self._process = None
        self._accel = accelerator(image)

    def start(self):
        """Starts QEMU and returns as soon as its monitor answers."""
        self.shell = GuestShell(self.folder / "shell.sock")
        self.acks = Acknowledgements(self.folder / "acks.sock")
        self._launch()
        return self

    def _launch(self):
        with open(self.folder / "qemu.log", "wb") as log:
            self._process = subprocess.Popen(
                self._argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self._wait_for_monitor(limit=20)

    def _end(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def wait_shell(self, limit=180):
        """Waits until the guest's root shell works, that is, until systemd and udev run."""
        self._wait_port("shell", limit)

    def wait_agent(self, limit=180):
        """Waits until a program in the guest has opened the agent's port."""
        self._wait_port("agent", limit)

    def agent_open(self):
        """Whether a program in the guest has the agent's port open."""
        return self._port_open("agent")

    def start_writer(self, limit=120):
        """Starts PostgreSQL's stream of transactions and waits until it flows."""
        self.shell.check("systemctl start lab-writer", limit)
        try:
            self.acks.wait_more(20, limit)
        except LabError as error:
            log = self.shell.run("journalctl -n 20 --no-pager -u lab-writer -u 'postgresql*'")
            raise LabError(f"{error}\n{tail(log.output)}") from error

    def stop(self):
        """Ends QEMU at once, as if the machine lost power, and closes everything."""
        self._end()
        for end in (self.qmp, self.shell, self.acks):
            if end is not None:
                end.close()

    def save_memory(self, path):
        """Pauses the guest, writes its memory and devices to a file and ends QEMU; its disks stay
        as they are."""
        self.qmp.command("stop")
        self.qmp.command("migrate-set-parameters", max_bandwidth=1 << 40)
        self._migrate("migrate", f"exec:cat > {path}")
        self.stop()

    def restore_memory(self, path):
        """Starts QEMU from what save_memory() has written; the guest goes on where it was."""
        self._hardware += ["-incoming", "defer"]
        self.start()
        self._migrate("migrate-incoming", f"exec:cat {path}")
        self.qmp.command("cont")

    def _migrate(self, command, uri):
        self.qmp.command("migrate-set-capabilities",
                         capabilities=[{"capability": "events", "state": True}])
        self.qmp.command(command, uri=uri)
        self.qmp.wait_event("MIGRATION", 120, status="completed")

    def console_tail(self):
        """The last of what the guest and QEMU printed, for an error message."""
        parts = []
        for path in (self.console, self.folder / "qemu.log"):
            if path.exists() and path.stat().st_size:
                parts.append(f"  {path.name}:\n" + tail(path.read_text(errors="replace")))
        return "\n".join(parts)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        if isinstance(error, LabError):
            error.args = (f"{error}\n{self.console_tail()}".rstrip(),)
        self.stop()

    def _wait_port(self, port, limit):
        self.qmp.forget_events()  # an earlier program may have opened it, too
        if not self._port_open(port):
            self.qmp.wait_event("VSERPORT_CHANGE", limit, id=self._PORT_ENDS[port][1], open=True)

    def _port_open(self, port):
        return any(char["frontend-open"] for char in self.qmp.command("query-chardev")
                   if char["label"] == self._PORT_ENDS[port][0])

    def _wait_for_monitor(self, limit):
        until = time.monotonic() + limit
        path = self.folder / "lab-monitor.sock"
        while True:
            if self._process.poll() is not None:
                raise LabError(f"QEMU ended at once\n{self.console_tail()}")
            try:
                self.qmp = Qmp(path)
                return
            except LabError:
                if time.monotonic() > until:
                    self.stop()
                    raise
                # QEMU says nowhere that its sockets are there; -daemonize would, but hides its pid.
                select_nothing(0.02)

    def _initrd(self):
        """Writes the initial RAM disk: what mounts the root file system, and the payload."""
        initrd = self.folder / "initrd"
        initrd.write_bytes(self.image.root_initrd.read_bytes()
                           + (Path(self._payload).read_bytes() if self._payload else b""))
        return initrd

    def _kernel_arguments(self):
        return f"{COMMAND_LINE} {self._command_line}".strip()

    def _argv(self):
        argv = [
            # Ends with us, however that comes about.
            find_program("setpriv"), "--pdeathsig", "KILL",
            find_program("qemu-system-x86_64"), "-name", "frostline-lab",
            "-accel", self._accel, "-cpu", cpu_model(self._accel), "-smp", "2", "-m", "768",
            "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", self.image.kernel, "-initrd", self._initrd(),
            "-append", self._kernel_arguments(),
            "-serial", f"file:{self.console}",
            "-chardev", f"socket,id=serial,path={self.serial_socket},server=on,wait=off",
            "-serial", "chardev:serial",
            "-qmp", f"unix:{self.folder}/lab-monitor.sock,server=on,wait=off",
            "-qmp", f"unix:{self.monitor_socket},server=on,wait=off",
            "-object", "rng-random,id=rng0,filename=/dev/urandom",
            "-device", "virtio-rng-pci,rng=rng0",
            "-device", "virtio-serial-pci,id=serial0",
            "-chardev", f"socket,id=shell,path={self.folder}/shell.sock",
            "-device", f"virtserialport,id=shell0,chardev=shell,name={SHELL_PORT}",
            "-chardev", f"socket,id=acks,path={self.folder}/acks.sock",
            "-device", f"virtserialport,id=acks0,chardev=acks,name={ACKS_PORT}",
            "-chardev", f"socket,id=agent,path={self.agent_socket},server=on,wait=off",
            "-device", f"virtserialport,id=agent0,chardev=agent,name={AGENT_PORT}",
        ]
        for name, path in self.disks.items():
            # no-flush: what the host's page cache holds is enough, and saves the real fsyncs.
            argv += [
                "-blockdev", f"driver=file,node-name={name}-file,filename={path},"
                             "cache.no-flush=on,discard=unmap",
                "-blockdev", f"driver=qcow2,node-name={name},file={name}-file,"
                             "cache.no-flush=on,discard=unmap",
                "-device", f"virtio-blk-pci,id=disk-{name},drive={name},serial={name}",
            ]
        return [str(arg) for arg in argv + self._hardware]


def select_nothing(seconds):
    """The one pause in the lab, for the moment before QEMU's monitor exists."""
    time.sleep(seconds)


def make_disks(folder, backing):
    """Copy-on-write images in `folder` over {name: backing file}; the originals stay as they are.

    A backing file that ends in .raw is raw, any other is qcow2.
    """
    disks = {}
    for name, base in backing.items():
        kind = "raw" if Path(base).suffix == ".raw" else "qcow2"
        disks[name] = Path(folder) / f"{name}.qcow2"
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", Path(base).absolute(), "-F", kind,
            disks[name])
    return disks
