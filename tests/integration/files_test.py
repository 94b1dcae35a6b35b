#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The guest-file-* commands: what upstream's own tests assert, every error, every mode, and what
becomes of them when a disk hangs or somebody plants links."""

import base64
import json
import os
import stat
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, main, need_loop_devices, wait_for  # noqa: E402

TEXT = b"hello, world!\n"
MIB = 1 << 20


def encode(data):
    return base64.b64encode(data).decode()


class FilesTest(AgentTest):
    def setUp(self):
        super().setUp()
        self.host = self.start_in_work_folder()

    def path(self, name):
        return os.path.join(self.work, name)

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def get(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def open(self, path, mode=None, host=None):
        arguments = {"path": path} if mode is None else {"path": path, "mode": mode}
        return (host or self.host).value("guest-file-open", arguments)

    def close(self, handle):
        self.assertEqual(self.host.value("guest-file-close", {"handle": handle}), {})

    def read(self, handle, count=None):
        arguments = {"handle": handle} if count is None else {"handle": handle, "count": count}
        got = self.host.value("guest-file-read", arguments, timeout=30)
        data = base64.b64decode(got["buf-b64"], validate=True)
        self.assertEqual(len(data), got["count"])
        self.assertEqual(set(got), {"count", "buf-b64", "eof"})
        return data, got["eof"]

    def write(self, handle, data, **more):
        got = self.host.value("guest-file-write",
                              dict(more, handle=handle, **{"buf-b64": encode(data)}), timeout=60)
        self.assertEqual((set(got), got["eof"]), ({"count", "eof"}, False))
        return got["count"]

    def seek(self, handle, offset, whence):
        got = self.host.value("guest-file-seek",
                              {"handle": handle, "offset": offset, "whence": whence})
        self.assertEqual((set(got), got["eof"]), ({"position", "eof"}, False))
        return got["position"]

    def refused(self, command, arguments):
        reply = self.host.ask(command, arguments)
        self.assertIn("error", reply)
        self.assertEqual(reply["error"]["class"], "GenericError")
        return reply["error"]["desc"]


class Upstream(FilesTest):
    """qemu-ga's own cases, and what it was seen to do."""

    def test_file_ops(self):
        handle = self.open("foo", "w+")  # a relative path counts from the agent's folder
        self.assertEqual(handle, 1000)
        self.assertEqual(self.write(handle, TEXT), 14)
        self.host.value("guest-file-flush", {"handle": handle})
        self.close(handle)
        self.assertEqual(self.get("foo"), TEXT)
        handle = self.open("foo")
        self.assertEqual(handle, 1001)
        self.assertEqual(self.read(handle), (TEXT, True))
        self.assertEqual(self.read(handle), (b"", True))
        self.assertEqual(self.seek(handle, 6, "set"), 6)
        self.assertEqual(self.read(handle), (TEXT[6:], True))
        self.close(handle)

    def test_file_write_read(self):
        handle = self.open("foo", "w+")
        self.assertEqual(self.write(handle, TEXT), 14)
        self.assertEqual(self.read(handle), (b"", True))
        self.assertEqual(self.seek(handle, 0, "set"), 0)
        self.assertEqual(self.read(handle), (TEXT, True))
        self.close(handle)

    def test_every_mode(self):
        for mode in "r rb w wb a ab r+ rb+ r+b w+ wb+ w+b a+ ab+ a+b".split():
            self.put("f", TEXT)
            kind = mode.replace("b", "")
            handle = self.open("f", mode)
            self.assertEqual(self.get("f"), b"" if kind[0] == "w" else TEXT, mode)
            self.assertEqual(self.seek(handle, 0, "cur"), 0, mode)
            if kind in ("w", "a"):
                self.assertEqual(self.refused("guest-file-read", {"handle": handle}),
                                 "failed to read file: Bad file descriptor")
            else:
                self.assertEqual(self.read(handle, 2), (b"" if kind == "w+" else TEXT[:2],
                                                        kind == "w+"), mode)
            if kind == "r":
                self.assertEqual(
                    self.refused("guest-file-write", {"handle": handle, "buf-b64": "YQ=="}),
                    "failed to write to file: Bad file descriptor")
            else:
                self.assertEqual(self.write(handle, b"XY"), 2)
                self.assertEqual(self.get("f"), {
                    "w": b"XY", "w+": b"XY", "a": TEXT + b"XY", "a+": TEXT + b"XY",
                    "r+": TEXT[:2] + b"XY" + TEXT[4:]}[kind], mode)
                if kind[0] == "a":
                    self.assertEqual(self.seek(handle, 0, "cur"), len(TEXT) + 2)
            self.close(handle)
        for mode in ("w", "a", "w+", "a+"):
            self.close(self.open("new-" + mode, mode))
            self.assertEqual(self.get("new-" + mode), b"")

    def test_every_error(self):
        self.put("f", TEXT)
        unknown = "handle '77' has not been found"
        for command, more in (("close", {}), ("read", {"count": -1}), ("flush", {}),
                              ("write", {"buf-b64": "", "count": 5}),
                              ("seek", {"offset": 0, "whence": 9})):
            self.assertEqual(self.refused("guest-file-" + command, dict(more, handle=77)), unknown)
        for path, mode, why in (
                ("none", "r", "No such file or directory"), ("", "r", "No such file or directory"),
                ("", "w", "No such file or directory"), ("no/such", "w", "No such file or directory"),
                ("f/x", "r", "Not a directory"), ("new/", "w", "Is a directory"),
                (self.work, "w", "Is a directory"), (self.work, "r+", "Is a directory"),
                ("x" * 300, "r", "File name too long"), ("f\0g", "r", "Invalid argument")):
            desc = self.refused("guest-file-open", {"path": path, "mode": mode})
            self.assertEqual(desc, "failed to open file '%s' (mode: '%s'): %s" % (path, mode, why))
        for mode in ("", "x", "rw", "br", "R", "r++", "wx"):
            self.assertEqual(self.refused("guest-file-open", {"path": "f", "mode": mode}),
                             "invalid file open mode '%s'" % mode)
        handle = self.open("f", "r+")
        for count in (-1, 48 * MIB + 1, 1 << 62):
            self.assertEqual(self.refused("guest-file-read", {"handle": handle, "count": count}),
                             "value '%d' is invalid for argument count" % count)
        for count in (-1, 3):
            self.assertEqual(
                self.refused("guest-file-write",
                             {"handle": handle, "buf-b64": "aGk=", "count": count}),
                "value '%d' is invalid for argument count" % count)
        self.assertEqual(
            self.refused("guest-file-write", {"handle": handle, "buf-b64": "a!=="}),
            "Base64 data contains invalid characters")
        self.assertEqual(
            self.refused("guest-file-seek", {"handle": handle, "offset": -1, "whence": "set"}),
            "failed to seek file: Invalid argument")
        for whence, why in (
                (3, "invalid whence code 3"), (-1, "invalid whence code -1"),
                (1.0, "Invalid parameter type for 'whence', expected: integer"),
                (None, "Invalid parameter type for 'whence', expected: GuestFileWhence"),
                (True, "Invalid parameter type for 'whence', expected: GuestFileWhence"),
                ("SET", "Parameter 'whence' does not accept value 'SET'")):
            self.assertEqual(self.refused("guest-file-seek",
                                          {"handle": handle, "offset": 0, "whence": whence}), why)
        self.assertEqual(self.refused("guest-file-seek", {"handle": handle, "offset": 0}),
                         "Parameter 'whence' is missing")

    def test_partial_writes_by_count(self):
        handle = self.open("f", "w")
        self.assertEqual(self.write(handle, TEXT, count=5), 5)
        self.assertEqual(self.write(handle, TEXT, count=0), 0)
        self.assertEqual(self.get("f"), TEXT[:5])
        # Proxmox breaks lines after 76 characters.
        lines = "\n".join(encode(TEXT * 20)[at:at + 76] for at in range(0, 400, 76))
        got = self.host.value("guest-file-write", {"handle": handle, "buf-b64": lines})
        self.assertEqual(got["count"], len(TEXT) * 20)
        self.assertEqual(self.get("f"), TEXT[:5] + TEXT * 20)


class Sizes(FilesTest):
    def test_a_large_file_comes_in_replies_that_fit(self):
        data = os.urandom(9 * MIB + 5)
        self.put("large", data)
        handle = self.open("large")
        parts = []
        while True:
            self.host.send(json.dumps({"execute": "guest-file-read", "id": "x" * 3000,
                                       "arguments": {"handle": handle, "count": 48 * MIB}}))
            line = self.host.read_line(30)
            self.assertLessEqual(len(line) + 1, 4 * MIB)
            got = json.loads(line)["return"]
            parts.append(base64.b64decode(got["buf-b64"]))
            if got["eof"]:
                break
        self.assertGreater(len(parts[0]), 3 * MIB - 8192, "more would have fitted")
        self.assertEqual(len(parts), 4)
        self.assertTrue(b"".join(parts) == data)

    def test_a_large_write_in_one_request(self):
        data = os.urandom(40 * MIB)
        handle = self.open("large", "wb+")
        self.assertEqual(self.write(handle, data), len(data))
        self.assertTrue(self.get("large") == data)

    def test_defaults_and_borders_of_a_read(self):
        self.put("f", b"x" * 10000)
        handle = self.open("f")
        self.assertEqual(self.read(handle), (b"x" * 4096, False))
        self.assertEqual(self.read(handle, 0), (b"", False))
        self.assertEqual(self.read(handle, 5904), (b"x" * 5904, False))
        self.assertEqual(self.read(handle, 1), (b"", True))

    def test_offsets_of_64_bits(self):
        handle = self.open("sparse", "w+")
        far = (5 << 32) + 3
        for whence in (0, "set"):
            self.assertEqual(self.seek(handle, far, whence), far)
        self.assertEqual(self.write(handle, b"end"), 3)
        for whence in (1, "cur"):
            self.assertEqual(self.seek(handle, 0, whence), far + 3)
        for whence in (2, "end"):
            self.assertEqual(self.seek(handle, -3, whence), far)
        self.assertEqual(self.read(handle), (b"end", True))
        self.assertEqual(self.seek(handle, 1 << 62, "set"), 1 << 62)

    def test_a_smaller_limit_of_replies(self):
        self.agent.stop()
        self.agent.configure("[agent]\nmax-reply=65536\n")
        self.host = self.start()
        self.put("f", b"x" * 100000)
        data, end = self.read(self.open("f"), 100000)
        self.assertEqual((len(data) > 40000, len(data) < 49152, end), (True, True, False))


class Kinds(FilesTest):
    """Files that are none."""

    def test_a_fifo_loses_nothing(self):
        os.mkfifo(self.path("fifo"))
        self.assertEqual(self.refused("guest-file-open", {"path": "fifo", "mode": "w"}),
                         "failed to open file 'fifo' (mode: 'w'): No such device or address")
        handle = self.open("fifo")
        self.assertEqual(self.read(handle), (b"", True))
        with open(self.path("fifo"), "wb", buffering=0) as writer:
            self.assertEqual(self.refused("guest-file-read", {"handle": handle}),
                             "failed to read file: Resource temporarily unavailable")
            writer.write(b"some")
            self.assertEqual(self.read(handle, 100), (b"some", False))
            writer.write(b"more")
        self.assertEqual(self.read(handle, 100), (b"more", True))
        self.assertEqual(self.refused("guest-file-seek",
                                      {"handle": handle, "offset": 0, "whence": 0}),
                         "failed to seek file: Illegal seek")
        handle = self.open("fifo", "r+")
        written = self.write(handle, b"x" * 200000)
        self.assertEqual(written, 65536)
        self.assertEqual(self.refused("guest-file-write", {"handle": handle, "buf-b64": "YQ=="}),
                         "failed to write to file: Resource temporarily unavailable")

    def test_a_terminal_gives_what_it_has_and_is_not_taken_over(self):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        handle = self.open(os.ttyname(slave), "r+")
        self.assertEqual(self.refused("guest-file-read", {"handle": handle}),
                         "failed to read file: Resource temporarily unavailable")
        os.write(master, b"line\n")
        self.assertEqual(self.read(handle, 100), (b"line\n", False))
        with open("/proc/%d/stat" % self.agent.process.pid, encoding="ascii") as file:
            self.assertEqual(file.read().rsplit(")", 1)[1].split()[4], "0", "a terminal of its own")

    def test_a_directory(self):
        handle = self.open(self.work)
        self.assertEqual(self.refused("guest-file-read", {"handle": handle}),
                         "failed to read file: Is a directory")
        self.close(handle)

    def test_a_full_disk_is_told_by_the_write(self):
        handle = self.open("/dev/full", "w")
        self.assertEqual(self.refused("guest-file-write", {"handle": handle, "buf-b64": "YQ=="}),
                         "failed to write to file: No space left on device")
        self.assertEqual(self.host.value("guest-file-flush", {"handle": handle}), {})
        self.close(handle)

    def test_files_in_proc_have_no_size(self):
        data, end = self.read(self.open("/proc/self/status"), 1 << 20)
        self.assertTrue(data.startswith(b"Name:"))
        self.assertTrue(end)

    def test_what_is_written_is_there_at_once(self):
        handle = self.open("f", "w")
        self.write(handle, TEXT)
        self.assertEqual(self.get("f"), TEXT)


class Handles(FilesTest):
    def test_a_closed_handle_is_gone_and_numbers_go_on_over_a_restart(self):
        self.close(self.open("f", "w"))
        self.assertEqual(self.refused("guest-file-close", {"handle": 1000}),
                         "handle '1000' has not been found")
        with open(os.path.join(self.agent.run, "qga.state"), encoding="ascii") as file:
            self.assertEqual(file.read(), "[global]\nfd_counter=1001\n")
        self.open("f", "w")
        self.assertEqual(self.agent.stop(), 0)
        self.host = self.start()
        self.assertEqual(self.refused("guest-file-read", {"handle": 1001}),
                         "handle '1001' has not been found")
        self.assertEqual(self.open("f", "w"), 1002)

    def test_a_damaged_state_file_is_no_reason_to_stop(self):
        self.agent.stop()
        state = os.path.join(self.agent.run, "qga.state")
        for text in (b"[global]\nfd_counter=many\n", b"\x00\xff", b"nonsense"):
            with open(state, "wb") as file:
                file.write(text)
            self.host = self.start()
            self.assertGreater(self.open("f", "w"), 1 << 40)
            self.assertIn("the counter of file handles starts anew", self.agent.log_text())
            self.agent.stop()
        os.unlink(state)
        os.mkdir(state)
        self.host = self.start()
        self.assertGreater(self.open("f", "w"), 1 << 40)

    def test_clients_share_handles_and_outlast_connections(self):
        self.put("f", TEXT)
        handle = self.open("f")
        with self.agent.control() as tool:
            self.assertEqual(tool.value("guest-file-read", {"handle": handle})["count"], 14)
        self.host.close()
        self.host = self.agent.connect()
        self.addCleanup(self.host.close)
        self.assertEqual(self.read(handle), (b"", True))

    def test_their_number_is_bounded_and_the_agent_lives(self):
        self.put("f", TEXT)
        handles = []
        while True:
            reply = self.host.ask("guest-file-open", {"path": "f"})
            if "error" in reply:
                break
            handles.append(reply["return"])
            self.assertLessEqual(len(handles), 1024)
        self.assert_error(reply, "%d handles are open already" % len(handles))
        self.assertEqual(self.host.value("guest-exec", {"path": "true"}).keys(), {"pid"})
        self.close(handles[0])
        self.assertGreater(self.open("f"), handles[-1])

    def test_no_program_inherits_a_file(self):
        self.put("f", TEXT)
        for _ in range(5):
            self.open("f", "r+")
        pid = self.host.value("guest-exec", {"path": "/bin/ls", "arg": ["-l", "/proc/self/fd"],
                                             "capture-output": True})["pid"]
        state = wait_for(lambda: next((s for s in [
            self.host.value("guest-exec-status", {"pid": pid})] if s["exited"]), None), "ls")
        out = base64.b64decode(state["out-data"]).decode()
        self.assertIn("/dev/null", out)
        self.assertNotIn(self.work, out)

    def test_new_files_respect_the_umask_and_old_ones_keep_their_mode(self):
        self.agent.stop()
        self.agent.start(before=lambda: os.umask(0o027))
        self.host = self.agent.connect()
        self.addCleanup(self.host.close)
        self.open("new", "w")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("new")).st_mode), 0o640)
        self.put("old", TEXT)
        os.chmod(self.path("old"), 0o604)
        self.open("old", "w")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("old")).st_mode), 0o604)

    def test_a_link_that_leads_nowhere_yet_creates_its_end(self):
        os.symlink("later", self.path("link"))
        self.write(self.open("link", "w"), TEXT)
        self.assertEqual(self.get("later"), TEXT)
        self.assertTrue(os.path.islink(self.path("link")))

    def test_the_log_tells_no_path(self):
        self.close(self.open("secret-name", "w"))
        self.assertIn("audit: guest-file-open: ok", self.agent.log_text())
        self.assertNotIn("secret-name", self.agent.log_text())


class WhileFrozen(FilesTest):
    def test_files_and_programs_wait_but_the_status_of_programs_is_told(self):
        self.agent.hook("50-quick", "exit 0\n")
        handle = self.open("f", "w")
        pid = self.host.value("guest-exec", {"path": "false"})["pid"]
        self.host.value("frostline-freeze", {"mountpoints": []})
        for command, arguments in (
                ("guest-file-open", {"path": "f"}), ("guest-file-read", {"handle": handle}),
                ("guest-file-write", {"handle": handle, "buf-b64": ""}),
                ("guest-file-seek", {"handle": handle, "offset": 0, "whence": 0}),
                ("guest-file-flush", {"handle": handle}), ("guest-file-close", {"handle": handle}),
                ("guest-exec", {"path": "true"})):
            self.assert_error(self.host.ask(command, arguments), "has been disabled",
                              "CommandNotFound")
        state = wait_for(lambda: next((s for s in [
            self.host.value("guest-exec-status", {"pid": pid})] if s["exited"]), None), "false")
        self.assertEqual(state, {"exited": True, "exitcode": 1})
        self.host.value("frostline-thaw")
        self.close(handle)


class ADiskThatHangs(FilesTest):
    """A loop mount that somebody else has frozen: opening for writing waits in the kernel."""

    def setUp(self):
        need_loop_devices()
        super().setUp()
        self.disk = self.mount("ext4")
        self.put("fine", TEXT)
        self.fine = self.open("fine", "r+")
        self.stuck = self.open(os.path.join(self.disk.path, "old"), "w")
        subprocess.run(["fsfreeze", "-f", self.disk.path], check=True)
        self.addCleanup(self.disk.thaw)

    def ask_later(self, command, arguments):
        self.host.send(json.dumps({"execute": command, "arguments": arguments}))

    def assert_alive(self):
        """The asking connection gets what is immediate, another one everything else."""
        self.assertEqual(self.host.value("guest-ping"), {})
        with self.agent.control() as tool:
            self.assertEqual(tool.value("guest-file-seek", {
                "handle": self.fine, "offset": 0, "whence": 0})["position"], 0)
            got = tool.value("guest-file-read", {"handle": self.fine})
            self.assertEqual(base64.b64decode(got["buf-b64"]), TEXT)

    def test_an_open_that_hangs_holds_up_nothing_else(self):
        self.ask_later("guest-file-open",
                       {"path": os.path.join(self.disk.path, "new"), "mode": "w"})
        self.assert_alive()
        self.assertTrue(self.host.silent(0.2))
        self.disk.thaw()
        handle = self.host.read()["return"]
        self.assertEqual(self.write(handle, TEXT), 14)
        self.close(handle)
        self.close(self.stuck)

    def test_a_write_that_hangs_keeps_the_order_of_its_handle(self):
        self.ask_later("guest-file-write", {"handle": self.stuck, "buf-b64": encode(b"first")})
        self.assert_alive()
        with self.agent.control() as tool:
            tool.send(json.dumps({"execute": "guest-file-write", "arguments": {
                "handle": self.stuck, "buf-b64": encode(b"second")}}))
            self.assertTrue(tool.silent(0.2))
            self.disk.thaw()
            self.assertEqual(tool.read()["return"]["count"], 6)
        self.assertEqual(self.host.read()["return"]["count"], 5)
        with open(os.path.join(self.disk.path, "old"), "rb") as file:
            self.assertEqual(file.read(), b"firstsecond")
        self.close(self.stuck)

    def test_a_handle_that_nobody_will_learn_is_closed(self):
        before = self.agent.descriptors()
        self.ask_later("guest-file-open",
                       {"path": os.path.join(self.disk.path, "new"), "mode": "w"})
        self.assertEqual(self.host.value("guest-sync", {"id": 5}), 5)
        self.disk.thaw()
        wait_for(lambda: os.path.exists(os.path.join(self.disk.path, "new")), "the file")
        wait_for(lambda: self.agent.descriptors() == before, "its descriptor to be closed")
        self.assertTrue(self.host.silent(0.2))
        self.close(self.stuck)

    def test_the_agent_stops_nevertheless(self):
        self.ask_later("guest-file-read", {"handle": self.fine})
        self.host.read()
        self.ask_later("guest-file-open",
                       {"path": os.path.join(self.disk.path, "new"), "mode": "w"})
        self.assert_alive()
        self.agent.process.terminate()
        # A thread in the kernel keeps the process until the disk lets it go.
        wait_for(lambda: "stopping" in self.agent.log_text(), "the agent to stop")
        self.disk.thaw()
        self.assertEqual(self.agent.stop(), 0)


class Policy(FilesTest):
    """[policy] file-allow against somebody who plants links in the allowed folder."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("allowed"))
        os.mkdir(self.path("secret"))
        self.put("allowed/log", b"log")
        self.put("secret/key", b"key")
        self.agent.stop()
        self.agent.configure("[policy]\nfile-allow=%s/allowed/**\n" % self.work)
        self.host = self.start()

    def assert_refused(self, path, mode):
        desc = self.refused("guest-file-open", {"path": path, "mode": mode})
        self.assertIn("[policy] file-allow", desc)
        self.assertTrue(desc.startswith("failed to open file '%s' (mode: '%s'): " % (path, mode)))

    def test_inside_everything_works(self):
        self.assertEqual(self.read(self.open("allowed/log")), (b"log", True))
        self.write(self.open(self.path("allowed/new"), "w"), b"x")
        os.symlink("target", self.path("allowed/link"))
        self.write(self.open("allowed/link", "a+"), b"y")
        self.assertEqual(self.get("allowed/target"), b"y")
        self.assertEqual(self.refused("guest-file-open", {"path": "allowed/none"}),
                         "failed to open file 'allowed/none' (mode: 'r'): "
                         "No such file or directory")

    def test_outside_nothing_is_touched(self):
        os.symlink(self.path("secret/key"), self.path("allowed/to-key"))
        os.symlink("../secret", self.path("allowed/to-folder"))
        os.symlink("../secret/new", self.path("allowed/to-new"))
        os.symlink("/proc/self/cwd/secret/key", self.path("allowed/magic"))
        for path in ("secret/key", "allowed/../secret/key", "allowed/to-key", "allowed/magic",
                     "allowed/to-folder/key", "allowed", "/etc/hostname", "/dev/null",
                     "/proc/self/root" + self.path("secret/key")):
            for mode in ("r", "w", "a", "r+", "w+", "a+"):
                self.assert_refused(path, mode)
        for path in ("secret/new", "allowed/to-new", "allowed/to-folder/new", "new"):
            for mode in ("w", "a", "w+", "a+"):
                self.assert_refused(path, mode)
        self.assertEqual(self.get("secret/key"), b"key")
        self.assertEqual(os.listdir(self.path("secret")), ["key"])
        self.assertFalse(os.path.exists(self.path("new")))

    def test_a_link_that_changes_all_the_time(self):
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                for target in ("log", "../secret/key", "fresh", "../secret/new"):
                    os.symlink(target, self.path("allowed/aside"))
                    os.rename(self.path("allowed/aside"), self.path("allowed/link"))

        attacker = threading.Thread(target=swap)
        attacker.start()
        self.addCleanup(attacker.join)
        self.addCleanup(stop.set)
        wait_for(lambda: os.path.lexists(self.path("allowed/link")), "the link")
        opened = 0
        for _ in range(600):
            reply = self.host.ask("guest-file-open", {"path": "allowed/link", "mode": "a"})
            if "return" in reply:
                opened += 1
                self.write(reply["return"], b"x")
                self.close(reply["return"])
        self.assertGreater(opened, 0)
        self.assertEqual(self.get("secret/key"), b"key")
        self.assertEqual(os.listdir(self.path("secret")), ["key"])

    def test_an_empty_list_allows_nothing(self):
        self.agent.stop()
        self.agent.configure("[policy]\nfile-allow=\n")
        self.host = self.start()
        self.assert_refused("allowed/log", "r")


if __name__ == "__main__":
    main()
