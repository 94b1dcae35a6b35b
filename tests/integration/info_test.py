#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent tells about the guest, held against what the machine's own tools say.

Nothing is switched here: processors and memory blocks are, in a real guest (tests/vm).
"""

import ctypes
import datetime
import glob
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, main  # noqa: E402

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
libc = ctypes.CDLL(None, use_errno=True)

READ_ONLY = {
    "guest-get-time", "guest-get-timezone", "guest-get-vcpus", "guest-get-memory-blocks",
    "guest-get-memory-block-info", "guest-get-cpustats", "guest-get-load", "guest-get-host-name",
    "guest-get-osinfo", "guest-get-users", "guest-network-get-interfaces",
    "guest-network-get-route",
}
SWITCHES = {"guest-set-vcpus", "guest-set-memory-blocks"}

# Upstream's own sample, and what it has to become.
OS_RELEASE = r'''ID=qemu-ga-test
NAME=QEMU-GA
PRETTY_NAME="QEMU Guest Agent test"
VERSION="Test 1"
VERSION_ID=1
VARIANT="Unit test \"\'\$\`\\ and \\\\ etc."
VARIANT_ID=unit-test
'''
OS_INFO = {
    "id": "qemu-ga-test", "name": "QEMU-GA", "pretty-name": "QEMU Guest Agent test",
    "version": "Test 1", "version-id": "1", "variant-id": "unit-test",
    "variant": 'Unit test "\'$`\\ and \\\\ etc.',
}


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def zone_file(name, offset):
    """A time zone that knows one name and one offset (RFC 8536)."""
    text = name.encode() + b"\0"
    return (b"TZif" + bytes(16) + struct.pack(">6I", 0, 0, 0, 0, 1, len(text)) +
            struct.pack(">iBB", offset, 0, 0) + text)


def numbers(pattern):
    """Those at the end of the names that match, in order."""
    return sorted(int(re.search(r"\d+$", path).group()) for path in glob.glob(pattern))


class Information(AgentTest):
    """Each command on the machine as it is."""

    def test_time(self):
        host = self.start()
        before = time.time_ns()
        now = host.value("guest-get-time")
        self.assertLessEqual(before, now)
        self.assertLessEqual(now, time.time_ns())

    def test_time_zone_of_the_machine(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("TZ", None)
            host = self.start()
            zone = host.value("guest-get-timezone")
            self.assertEqual(zone["zone"], output("date", "+%Z").strip())
            local = datetime.datetime.now().astimezone()
            self.assertEqual(zone["offset"], local.utcoffset().total_seconds())

    def test_time_zone_of_the_environment(self):
        with mock.patch.dict(os.environ, {"TZ": "ABC-5:30"}):
            self.assertEqual(self.start().value("guest-get-timezone"),
                             {"zone": "ABC", "offset": 19800})

    def test_processors(self):
        host = self.start()
        cpus = host.value("guest-get-vcpus")
        self.assertEqual([cpu["logical-id"] for cpu in cpus],
                         numbers("/sys/devices/system/cpu/cpu[0-9]*"))
        for cpu in cpus:
            switch = "/sys/devices/system/cpu/cpu%d/online" % cpu["logical-id"]
            self.assertEqual(sorted(cpu), ["can-offline", "logical-id", "online"])
            self.assertIs(cpu["can-offline"], os.path.exists(switch))
            self.assertIs(cpu["online"],
                          not os.path.exists(switch) or read(switch).strip() == "1")

    def test_switching_what_is_not_there(self):
        host = self.start()
        self.assertEqual(host.value("guest-set-vcpus", {"vcpus": []}), 0)
        self.assert_error(
            host.ask("guest-set-vcpus", {"vcpus": [{"logical-id": 99999, "online": True}]}),
            'open("/sys/devices/system/cpu/cpu99999/"): No such file or directory')
        self.assert_error(host.ask("guest-set-vcpus"), "Parameter 'vcpus' is missing")
        self.assertEqual(host.value("guest-set-memory-blocks", {"mem-blks": []}), [])
        [answer] = host.value("guest-set-memory-blocks",
                              {"mem-blks": [{"phys-index": 1 << 40, "online": True}]})
        hotplug = os.path.exists("/sys/devices/system/memory")
        self.assertEqual(answer, {
            "phys-index": 1 << 40, "error-code": 2,
            "response": "not-found" if hotplug else "operation-not-supported"})

    def test_what_is_on_already_is_left_alone(self):
        host = self.start()
        online = [cpu for cpu in host.value("guest-get-vcpus") if cpu["online"]]
        self.assertEqual(host.value("guest-set-vcpus", {"vcpus": online}), len(online))
        blocks = [block for block in host.value("guest-get-memory-blocks") if block["online"]]
        for answer in host.value("guest-set-memory-blocks", {"mem-blks": blocks[:3]}):
            self.assertEqual(sorted(answer), ["phys-index", "response"])
            self.assertEqual(answer["response"], "success")

    def test_memory_blocks(self):
        host = self.start()
        blocks = host.value("guest-get-memory-blocks")
        folder = "/sys/devices/system/memory"
        self.assertEqual([block["phys-index"] for block in blocks],
                         numbers(folder + "/memory[0-9]*"))
        for block in blocks:
            state = read("%s/memory%d/state" % (folder, block["phys-index"])).strip()
            self.assertIs(block["online"], state == "online")
            self.assertIsInstance(block["can-offline"], bool)
        info = host.ask("guest-get-memory-block-info")
        if os.path.exists(folder):
            self.assertEqual(info["return"]["size"], int(read(folder + "/block_size_bytes"), 16))
        else:
            self.assert_error(info, 'open("%s/"): No such file or directory' % folder)

    def cpu_times(self):
        """User milliseconds of each processor, from /proc/stat."""
        tick = 1000 // os.sysconf("SC_CLK_TCK")
        lines = [line.split() for line in read("/proc/stat").splitlines()]
        return {int(line[0][3:]): int(line[1]) * tick for line in lines
                if re.fullmatch(r"cpu\d+", line[0])}

    def test_processor_times(self):
        host = self.start()
        before = self.cpu_times()
        stats = host.value("guest-get-cpustats")
        after = self.cpu_times()
        self.assertEqual([one["cpu"] for one in stats], sorted(before))
        for one in stats:
            self.assertEqual(one["type"], "linux")
            self.assertLessEqual(before[one["cpu"]], one["user"])
            self.assertLessEqual(one["user"], after[one["cpu"]])
            self.assertEqual(set(one), {"type", "cpu", "user", "nice", "system", "idle", "iowait",
                                        "irq", "softirq", "steal", "guest", "guestnice"})

    def test_load(self):
        def of_proc():
            return [float(word) for word in read("/proc/loadavg").split()[:3]]

        host = self.start()
        before = of_proc()
        load = host.value("guest-get-load")
        self.assertIn([load["load1m"], load["load5m"], load["load15m"]], [before, of_proc()])

    def test_host_name(self):
        self.assertEqual(self.start().value("guest-get-host-name"),
                         {"host-name": socket.gethostname()})

    def test_os_info_of_the_machine(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("QGA_OS_RELEASE", None)
            info = self.start().value("guest-get-osinfo")
        kernel = os.uname()
        self.assertEqual(info["kernel-release"], kernel.release)
        self.assertEqual(info["kernel-version"], kernel.version)
        self.assertEqual(info["machine"], kernel.machine)
        # A shell is what the format is made for.
        said = output("sh", "-c", '. /etc/os-release; printf "%s\\n%s" "$ID" "$PRETTY_NAME"')
        self.assertEqual(info["id"] + "\n" + info["pretty-name"], said)

    def test_os_info_with_nothing_but_the_variable(self):
        sample = os.path.join(self.directory, "os-release")
        with open(sample, "w", encoding="utf-8") as file:
            file.write(OS_RELEASE)
        with mock.patch.dict(os.environ, {"QGA_OS_RELEASE": sample}, clear=True):
            host = self.start()
        info = host.value("guest-get-osinfo")
        self.assertEqual({key: info[key] for key in OS_INFO}, OS_INFO)
        os.unlink(sample)  # no other file stands in for it
        self.assertEqual(set(host.value("guest-get-osinfo")),
                         {"kernel-release", "kernel-version", "machine"})

    def test_users(self):
        users = self.start().value("guest-get-users")
        for user in users:
            self.assertEqual(sorted(user), ["login-time", "user"])
            self.assertGreater(user["login-time"], 0)
        if os.path.exists("/run/utmp"):
            said = {line.split()[0] for line in output("who").splitlines()}
            self.assertEqual({user["user"] for user in users}, said)


class Network(AgentTest):
    """In a network of its own, with everything that is odd."""

    def setUp(self):
        super().setUp()
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.addCleanup(os.close, home)
        if libc.unshare(CLONE_NEWNET) != 0:
            self.skipTest("cannot make a network namespace: "
                          + os.strerror(ctypes.get_errno()))
        self.addCleanup(libc.setns, home, CLONE_NEWNET)

    def ip(self, *words):
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest("this kernel has no 'ip %s': %s" % (" ".join(words), done.stderr))

    def interfaces(self):
        return self.start().value("guest-network-get-interfaces")

    def test_the_same_as_ip_says(self):
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "eth7", "type", "veth", "peer", "name", "wei[r]d-.1")
        self.ip("addr", "add", "192.0.2.9/24", "dev", "eth7")
        self.ip("addr", "add", "198.51.100.1", "peer", "198.51.100.2/31", "dev", "eth7")
        self.ip("addr", "add", "2001:db8::9/48", "dev", "eth7", "nodad")
        found = self.interfaces()
        links = json.loads(output("ip", "-j", "addr"))
        self.assertEqual([one["name"] for one in found], [link["ifname"] for link in links])
        for one, link in zip(found, links):
            self.assertEqual(one["hardware-address"], link["address"])
            self.assertEqual(
                [(address["ip-address"], address["prefix"], address["ip-address-type"])
                 for address in one.get("ip-addresses", [])],
                [(address["local"], address["prefixlen"],
                  {"inet": "ipv4", "inet6": "ipv6"}[address["family"]])
                 for address in link["addr_info"]])

    def test_without_addresses_there_are_still_statistics(self):
        self.ip("link", "add", "bare0", "type", "veth", "peer", "name", "bare1")
        bare = {one["name"]: one for one in self.interfaces()}["bare0"]
        self.assertNotIn("ip-addresses", bare)
        self.assertRegex(bare["hardware-address"], r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$")
        self.assertEqual(set(bare["statistics"]), {
            "rx-bytes", "rx-packets", "rx-errs", "rx-dropped",
            "tx-bytes", "tx-packets", "tx-errs", "tx-dropped"})

    def test_statistics_count(self):
        self.ip("link", "set", "lo", "up")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x" * 100, ("127.0.0.1", 9))
        host = self.start()
        [loopback] = host.value("guest-network-get-interfaces")
        for name in ("rx_bytes", "tx_packets", "rx_dropped", "tx_errors"):
            member = name.replace("_", "-").replace("errors", "errs")
            self.assertEqual(loopback["statistics"][member],
                             int(read("/proc/net/dev").split("lo:")[1].split()[
                                 {"rx_bytes": 0, "rx_dropped": 3, "tx_packets": 9,
                                  "tx_errors": 10}[name]]))
        self.assertGreater(loopback["statistics"]["tx-bytes"], 100)

    def test_a_label_is_an_interface_of_its_own(self):
        """libvirt merges them again by what is before the colon."""
        self.ip("link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
        self.ip("addr", "add", "192.0.2.9/24", "dev", "eth7")
        self.ip("addr", "add", "192.0.2.10/24", "dev", "eth7", "label", "eth7:1")
        found = {one["name"]: one for one in self.interfaces()}
        self.assertEqual(found["eth7:1"], {
            "name": "eth7:1", "hardware-address": found["eth7"]["hardware-address"],
            "ip-addresses": [{"ip-address": "192.0.2.10", "ip-address-type": "ipv4",
                              "prefix": 24}]})
        self.assertEqual([a["ip-address"] for a in found["eth7"]["ip-addresses"]], ["192.0.2.9"])
        self.assertIn("statistics", found["eth7"])

    def test_an_interface_without_hardware_address(self):
        self.ip("tuntap", "add", "tun7", "mode", "tun")
        found = {one["name"]: one for one in self.interfaces()}
        self.assertEqual(found["tun7"]["hardware-address"], "00:00:00:00:00:00")

    def test_routes(self):
        self.ip("link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
        self.ip("link", "set", "eth8", "up")
        self.ip("link", "set", "eth7", "up")
        self.ip("addr", "add", "192.0.2.9/24", "dev", "eth7")
        self.ip("addr", "add", "2001:db8::9/48", "dev", "eth7", "nodad")
        self.ip("route", "add", "default", "via", "192.0.2.1", "metric", "77")
        self.ip("-6", "route", "add", "default", "via", "2001:db8::1", "metric", "78")
        routes = self.start().value("guest-network-get-route")
        self.assertEqual([route for route in routes if route.get("gateway") == "192.0.2.1"], [{
            "iface": "eth7", "destination": "0.0.0.0", "gateway": "192.0.2.1", "mask": "0.0.0.0",
            "metric": 77, "flags": 3, "refcnt": 0, "use": 0, "window": 0, "mtu": 0, "irtt": 0,
            "version": 4}])
        [default] = [route for route in routes if route.get("nexthop") == "2001:db8::1"]
        self.assertEqual((default["iface"], default["destination"], default["desprefixlen"],
                          default["source"], default["srcprefixlen"], default["metric"],
                          default["version"]), ("eth7", "::", "0", "::", "0", 78, 6))
        self.assertEqual(set(default), {
            "iface", "destination", "metric", "source", "nexthop", "desprefixlen", "srcprefixlen",
            "refcnt", "use", "flags", "version"})
        versions = [route["version"] for route in routes]
        self.assertEqual(versions, sorted(versions))
        lines = read("/proc/net/route").splitlines()[1:] + read("/proc/net/ipv6_route").splitlines()
        self.assertEqual(len(routes), len(lines))

    def test_no_network_at_all(self):
        host = self.start()
        [loopback] = host.value("guest-network-get-interfaces")
        self.assertEqual(loopback["name"], "lo")
        self.assertNotIn("ip-addresses", loopback)
        # Where there is IPv6, the kernel has routes that refuse even here.
        self.assertEqual(len(host.value("guest-network-get-route")),
                         len(read("/proc/net/ipv6_route").splitlines())
                         if os.path.exists("/proc/net/ipv6_route") else 0)


class Policy(AgentTest):
    """Who may ask, and when."""

    def enabled(self, host):
        return {entry["name"] for entry in host.value("guest-info")["supported_commands"]
                if entry["enabled"]}

    def test_inspect_reads_and_does_not_switch(self):
        self.agent.configure("[policy]\nprofile=inspect\n")
        host = self.start()
        self.assertEqual(self.enabled(host) & (READ_ONLY | SWITCHES), READ_ONLY)
        self.assert_error(host.ask("guest-set-vcpus", {"vcpus": []}),
                          "Command guest-set-vcpus has been disabled: the command is not allowed",
                          "CommandNotFound")

    def test_upstreams_lists(self):
        self.agent.options = ["-b", "guest-ping,guest-get-time"]
        host = self.start()
        for name in ("guest-ping", "guest-get-time"):
            self.assert_error(host.ask(name), "has been disabled", "CommandNotFound")
        host.value("guest-get-host-name")
        self.agent.stop()
        self.agent.options = ["-a", "guest-ping,guest-get-time"]
        host = self.start()
        self.assertGreater(host.value("guest-get-time"), 0)
        self.assert_error(host.ask("guest-get-host-name"), "has been disabled", "CommandNotFound")

    def test_while_frozen_everything_is_told_and_nothing_switched(self):
        self.agent.hook("50-app", "exit 0\n")
        host = self.start()
        before = {name: host.ask(name) for name in READ_ONLY}
        self.assertEqual(host.value("guest-fsfreeze-freeze-list", {"mountpoints": []}), 1)
        self.assertEqual(self.enabled(host) & (READ_ONLY | SWITCHES), READ_ONLY)
        for name in sorted(READ_ONLY):
            self.assertEqual(host.ask(name).keys(), before[name].keys(), name)
        for name in sorted(SWITCHES):
            self.assert_error(host.ask(name), "has been disabled", "CommandNotFound")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)

    def zone_in_a_file(self):
        """Puts a file over /etc/localtime, for the agent only; its path, and what to run first."""
        local = os.path.realpath("/etc/localtime")
        if not os.path.exists(local):
            self.skipTest("this machine has no /etc/localtime")
        path = os.path.join(self.directory, "zone")
        self.write(path, zone_file("ABC", 3600))
        os.utime(path, (1, 1))  # the C library looks for changes by the second

        def cover():
            os.environ.pop("TZ", None)
            if (libc.unshare(CLONE_NEWNS) != 0 or
                    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0 or
                    libc.mount(path.encode(), local.encode(), None, MS_BIND, None) != 0):
                raise OSError(ctypes.get_errno(), "cannot cover " + local)

        return path, cover

    def write(self, path, data):
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:
            file.write(data)
            file.truncate()

    def test_while_frozen_what_lies_on_a_disk_is_told_from_memory(self):
        self.agent.hook("50-app", "exit 0\n")
        release = os.path.join(self.directory, "os-release")
        self.write(release, b"ID=before\n")
        zone, cover = self.zone_in_a_file()
        with mock.patch.dict(os.environ, {"QGA_OS_RELEASE": release}):
            os.environ.pop("TZ", None)
            self.agent.start(cover)
        with self.agent.connect() as host:
            self.assertEqual(host.value("guest-fsfreeze-freeze-list", {"mountpoints": []}), 1)
            self.write(release, b"ID=after\n")
            self.write(zone, zone_file("XYZ", -7200))
            # Nothing of this was asked for before: the agent has looked at its start.
            self.assertEqual(host.value("guest-get-osinfo")["id"], "before")
            self.assertEqual(host.value("guest-get-timezone"), {"zone": "ABC", "offset": 3600})
            host.value("guest-fsfreeze-thaw")
            self.assertEqual(host.value("guest-get-osinfo")["id"], "after")
            self.assertEqual(host.value("guest-get-timezone"), {"zone": "XYZ", "offset": -7200})


if __name__ == "__main__":
    main()
