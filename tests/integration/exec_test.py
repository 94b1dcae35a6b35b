#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-exec and guest-exec-status: what upstream's own tests assert, every way to capture, every
error, what is bounded, and what a policy lets run."""

import base64
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, alive, main, wait_for  # noqa: E402

MIB = 1 << 20
BOTH = "echo stdout; echo stderr >&2; echo stdout; echo stderr >&2"


class ExecTest(AgentTest):
    def setUp(self):
        super().setUp()
        self.host = self.start_in_work_folder()

    def launch(self, path, *arg, **more):
        arguments = dict(more, path=path)
        if arg:
            arguments["arg"] = list(arg)
        got = self.host.value("guest-exec", {key.replace("_", "-"): value
                                             for key, value in arguments.items()}, timeout=60)
        self.assertEqual(set(got), {"pid"})
        self.assertGreater(got["pid"], 0)
        return got["pid"]

    def status(self, pid):
        return self.host.value("guest-exec-status", {"pid": pid}, timeout=30)

    def wait(self, pid, timeout=20.0):
        """Its state once it has ended, with decoded output."""
        def ended():
            state = self.status(pid)
            if not state["exited"]:
                self.assertEqual(state, {"exited": False})
                return None
            return state
        state = wait_for(ended, "process %d" % pid, timeout)
        for key in ("out-data", "err-data"):
            self.assertEqual(key in state, key.replace("data", "truncated") in state)
            if key in state:
                state[key] = base64.b64decode(state[key], validate=True)
        return state

    def run_it(self, path, *arg, **more):
        return self.wait(self.launch(path, *arg, **more))

    def output(self, path, *arg, **more):
        state = self.run_it(path, *arg, capture_output=True, **more)
        self.assertEqual(state["exitcode"], 0, state)
        return state.get("out-data", b"").decode()

    def refused(self, **arguments):
        reply = self.host.ask("guest-exec", {key.replace("_", "-"): value
                                             for key, value in arguments.items()})
        self.assertIn("error", reply)
        self.assertEqual(reply["error"]["class"], "GenericError")
        return reply["error"]["desc"]

    def script(self, name, text, mode=0o755):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def assert_forgotten(self, pid):
        reply = self.host.ask("guest-exec-status", {"pid": pid})
        self.assertEqual(reply.get("error"), {"class": "GenericError",
                                              "desc": "PID %d does not exist" % pid})


class Upstream(ExecTest):
    def test_exec(self):
        pid = self.launch("/bin/echo", "-n", '" test_str "', capture_output=True)
        self.assertEqual(self.wait(pid), {"exited": True, "exitcode": 0,
                                          "out-data": b'" test_str "', "out-truncated": False})
        self.assert_forgotten(pid)

    def test_separated(self):
        for how in (True, "separated"):
            state = self.run_it("bash", "-c", BOTH, capture_output=how)
            self.assertEqual(state["out-data"], b"stdout\nstdout\n")
            self.assertEqual(state["err-data"], b"stderr\nstderr\n")

    def test_merged(self):
        state = self.run_it("bash", "-c", BOTH, capture_output="merged")
        self.assertEqual(state["out-data"], b"stdout\nstderr\nstdout\nstderr\n")
        self.assertNotIn("err-data", state)

    def test_invalid(self):
        self.assertEqual(self.refused(path="/bin/invalid-cmd42"),
                         "Failed to execute child process \u201c/bin/invalid-cmd42\u201d "
                         "(No such file or directory)")
        self.assert_forgotten(0)


class Capture(ExecTest):
    def test_the_other_ways(self):
        for how, out, err in ((None, None, None), (False, None, None), ("none", None, None),
                              ("stdout", b"stdout\nstdout\n", None),
                              ("stderr", None, b"stderr\nstderr\n")):
            more = {} if how is None else {"capture_output": how}
            state = self.run_it("sh", "-c", BOTH, **more)
            self.assertEqual((state["exitcode"], state.get("out-data"), state.get("err-data")),
                             (0, out, err), how)

    def test_nothing_printed_is_no_member(self):
        self.assertEqual(self.run_it("true", capture_output=True),
                         {"exited": True, "exitcode": 0})

    def test_what_is_not_captured_goes_to_dev_null(self):
        script = self.script("where", "#!/bin/sh\nreadlink /proc/$$/fd/0 /proc/$$/fd/1 "
                                      "/proc/$$/fd/2 >\"$1\"; :\n")
        target = os.path.join(self.work, "target")
        self.run_it(script, target)
        with open(target, encoding="ascii") as file:
            self.assertEqual(file.read().splitlines()[::2], ["/dev/null", "/dev/null"])

    def test_long_output_is_cut_to_what_a_reply_holds(self):
        state = self.run_it("sh", "-c", "head -c 20000000 /dev/zero; echo end >&2",
                            capture_output=True)
        self.assertEqual((state["exitcode"], state["out-truncated"]), (0, True))
        self.assertGreater(len(state["out-data"]), 3 * MIB - 8192)
        self.assertEqual((state["err-data"], state["err-truncated"]), (b"end\n", False))
        pid = self.launch("sh", "-c", "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2",
                          capture_output=True)
        wait_for(lambda: not alive(pid), "its end")
        wait_for(lambda: pid not in map(int, self.agent.children()), "it to be waited for")
        self.host.send(json.dumps({"execute": "guest-exec-status", "id": "x" * 3000,
                                   "arguments": {"pid": pid}}))
        line = self.host.read_line(30)
        self.assertLessEqual(len(line) + 1, 4 * MIB)
        state = json.loads(line)["return"]
        self.assertEqual((state["exitcode"], state["out-truncated"], state["err-truncated"]),
                         (0, True, True))
        self.assertEqual(len(state["out-data"]), len(state["err-data"]))
        self.assertGreater(len(line), 4 * MIB - 16384)

    def test_what_fits_is_not_cut(self):
        state = self.run_it("head", "-c", str(3 * MIB - 8192), "/dev/zero", capture_output=True)
        self.assertEqual((len(state["out-data"]), state["out-truncated"]),
                         (3 * MIB - 8192, False))

    def test_a_daemon_that_keeps_the_output_neither_delays_the_end_nor_dies_of_it(self):
        fifo = os.path.join(self.work, "fifo")
        os.mkfifo(fifo)
        script = self.script("start", "#!/bin/sh\n"
                             "sh -c 'read x <%s; head -c 300000 /dev/zero; echo $? >%s' &\n"
                             "echo started $!\nexit 3\n" % (fifo, fifo))
        state = self.wait(self.launch(script, capture_output=True), timeout=5)
        self.assertEqual(state["exitcode"], 3)
        self.assertTrue(state["out-data"].startswith(b"started "))
        with open(fifo, "w", encoding="ascii") as file:
            file.write("go\n")
        with open(fifo, encoding="ascii") as file:
            self.assertEqual(file.read(), "0\n")

    def test_a_pipeline_that_ends_a_moment_later_is_captured(self):
        script = "(read x </dev/null; for i in 1 2 3 4 5; do echo $i; done) & exit 0"
        for _ in range(10):
            self.assertEqual(self.output("sh", "-c", script), "1\n2\n3\n4\n5\n")


class Running(ExecTest):
    def test_exit_statuses_and_signals(self):
        for status in (0, 1, 127, 255):
            self.assertEqual(self.run_it("sh", "-c", "exit %d" % status),
                             {"exited": True, "exitcode": status})
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
            self.assertEqual(self.run_it("sh", "-c", "kill -%d $$" % number),
                             {"exited": True, "signal": int(number)})

    def test_a_running_one_says_no_more_and_its_pid_is_real(self):
        pid = self.launch("sleep", "1000", capture_output=True)
        self.assertEqual(self.status(pid), {"exited": False})
        os.kill(pid, signal.SIGINT)
        self.assertEqual(self.wait(pid), {"exited": True, "signal": 2})
        self.assert_forgotten(pid)

    def test_environment(self):
        self.assertEqual(self.output("/usr/bin/env", env=["A=1", "B=x y"]), "A=1\nB=x y\n")
        self.assertEqual(self.output("/usr/bin/env", env=[]), "")
        inherited = self.output("env").splitlines()
        self.assertIn("PATH=" + os.environ["PATH"], inherited)
        self.assertFalse([line for line in inherited if line.startswith("NOTIFY_SOCKET")])

    def test_the_search_in_path(self):
        folder = os.path.join(self.work, "bin")
        self.script("bin/my-tool", "#!/bin/sh\necho mine $0 $1\n")
        self.assertEqual(self.output("my-tool", "x", env=["PATH=/nowhere:%s:/bin" % folder]),
                         "mine %s/my-tool x\n" % folder)
        self.assertIn("\u201cmy-tool\u201d (No such file or directory)",
                      self.refused(path="my-tool"))
        self.assertIn("\u201ctrue\u201d (No such file or directory)",
                      self.refused(path="true", env=["PATH=" + folder]))
        self.assertEqual(self.output("true", env=["A=1"]), "")  # the agent's PATH
        self.assertEqual(self.output("bin/my-tool"), "mine bin/my-tool\n")  # from its folder

    def test_every_error(self):
        def failed(path, why):
            return "Failed to execute child process \u201c%s\u201d (%s)" % (path, why)
        plain = self.script("plain", "echo hi\n", mode=0o644)
        lost = self.script("lost", "#!/no/such/interpreter\n")
        for path, why in (("no-such", "No such file or directory"),
                          ("", "No such file or directory"), (plain, "Permission denied"),
                          (self.work, "Permission denied"), (plain + "/x", "Not a directory"),
                          (lost, "No such file or directory"), ("a\0b", "Invalid argument")):
            self.assertEqual(self.refused(path=path), failed(path, why))
        self.assertEqual(self.refused(path="true", arg=["a\0b"]),
                         failed("true", "Invalid argument"))
        self.assertEqual(self.refused(path="true", arg=["x" * 200000]),
                         failed("true", "Argument list too long"))
        self.assertEqual(self.refused(path="true", input_data="!"),
                         "Base64 data contains invalid characters")
        expected = "Invalid parameter type for 'capture-output', expected: GuestExecCaptureOutput"
        for how in (1, None, [], {}):
            self.assertEqual(self.refused(path="true", capture_output=how), expected)
        self.assertEqual(self.refused(path="true", capture_output="both"),
                         "Parameter 'capture-output' does not accept value 'both'")
        self.assertEqual(self.refused(path="true", arg=["a", 1]),
                         "Invalid parameter type for 'arg[1]', expected: string")
        self.assertEqual(self.refused(arg=[]), "Parameter 'path' is missing")
        for pid in (0, -1, 1, os.getpid(), 1 << 40):
            self.assert_forgotten(pid)

    def test_a_script_without_a_first_line(self):
        script = self.script("plain", "echo $0 $1\n")
        self.assertEqual(self.output(script, "one"), script + " one\n")

    def test_input(self):
        self.assertEqual(self.output("cat", input_data=base64.b64encode(b"in\0put\n").decode()),
                         "in\0put\n")
        self.assertEqual(self.output("cat", input_data=""), "")
        self.assertEqual(self.output("cat"), "")
        data = base64.b64encode(b"x" * (32 * MIB)).decode()
        self.assertEqual(self.output("wc", "-c", input_data=data), "%d\n" % (32 * MIB))

    def test_input_that_nobody_reads_blocks_nobody(self):
        data = base64.b64encode(b"x" * (4 * MIB)).decode()
        pid = self.launch("sleep", "1000", input_data=data)
        self.assertEqual(self.host.value("guest-ping"), {})
        self.assertEqual(self.status(pid), {"exited": False})
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)
        self.assertEqual(self.run_it("true", input_data=data)["exitcode"], 0)

    def test_what_a_program_starts_with(self):
        text = self.output("sh", "-c", "umask; pwd; for f in /proc/$$/fd/*; do [ -e $f ] && "
                                       "echo fd ${f##*/}; done; ulimit -Sn; "
                                       "exec grep -E 'Sig(Blk|Ign)' /proc/self/status"
                           ).splitlines()
        self.assertEqual(text[:2], ["%04o" % current_umask(), self.work])
        self.assertEqual([line for line in text if line.startswith("fd")], ["fd 0", "fd 1", "fd 2"])
        self.assertEqual(text[-2:], ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"])

    def test_it_goes_on_when_the_agent_stops(self):
        done = os.path.join(self.work, "done")
        fifo = os.path.join(self.work, "fifo")
        os.mkfifo(fifo)
        pid = self.launch("sh", "-c", "trap '' HUP; read x <%s; echo $x >%s" % (fifo, done))
        self.assertEqual(self.agent.stop(), 0)
        self.assertTrue(alive(pid))
        with open(fifo, "w", encoding="ascii") as file:
            file.write("later\n")
        wait_for(lambda: os.path.exists(done) and os.path.getsize(done) > 0, "its work")

    def test_the_log_tells_neither_program_nor_output(self):
        self.run_it("echo", "secret-word", capture_output=True)
        self.assertIn("audit: guest-exec: ok", self.agent.log_text())
        self.assertNotIn("echo", self.agent.log_text())
        self.assertNotIn("secret-word", self.agent.log_text())


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Bounds(ExecTest):
    def test_three_hundred_that_nobody_asks_about(self):
        pids = [self.launch("sh", "-c", "exit %d" % (number % 256)) for number in range(300)]
        wait_for(lambda: not self.agent.children(), "all of them to end")
        for number, pid in enumerate(pids):
            if pid not in pids[number + 1:]:
                self.assertEqual(self.wait(pid), {"exited": True, "exitcode": number % 256})
        self.assert_forgotten(pids[0])

    def test_output_that_nobody_asks_for_is_bounded(self):
        first = self.launch("head", "-c", "4000000", "/dev/zero", capture_output=True)
        for _ in range(30):
            pid = self.launch("head", "-c", "4000000", "/dev/zero", capture_output=True)
            wait_for(lambda: not self.agent.children(), "it to end")
        self.assert_forgotten(first)
        self.assertGreater(len(self.wait(pid)["out-data"]), 3 * MIB - 8192)
        self.assert_memory_below(200)

    def test_many_at_a_time_leave_no_descriptor(self):
        self.host.value("guest-ping")  # the connection has been taken
        before = self.agent.descriptors()
        pids = [self.launch("cat", capture_output=True, input_data="YQ==") for _ in range(200)]
        for pid in pids:
            self.assertEqual(self.wait(pid)["out-data"], b"a")
        wait_for(lambda: self.agent.descriptors() == before, "the descriptors to be closed")

    def test_more_than_may_run_at_a_time(self):
        pids = []
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid in pids])
        while True:
            reply = self.host.ask("guest-exec", {"path": "/bin/sleep", "arg": ["1000"]})
            if "error" in reply:
                break
            pids.append(reply["return"]["pid"])
            self.assertLessEqual(len(pids), 512)
        self.assert_error(reply, "%d programs of guest-exec are running" % len(pids))
        os.kill(pids[0], signal.SIGKILL)
        self.assertEqual(self.wait(pids.pop(0)), {"exited": True, "signal": 9})
        pids.append(self.launch("/bin/sleep", "1000"))


class Policy(ExecTest):
    def setUp(self):
        super().setUp()
        self.good = self.script("good/tool", "#!/bin/sh\necho good $1\n")
        self.bad = self.script("bad/tool", "#!/bin/sh\necho bad $1\n")
        # Somebody else's folder, so that its files are run by descriptor.
        for name in ("good", "good/tool"):
            os.chown(os.path.join(self.work, name), 65534, 65534)
        self.allow("%s/good/*;%s" % (self.work, os.path.realpath("/bin/cat")))

    def allow(self, rules):
        self.agent.stop()
        self.agent.configure("[policy]\nexec-allow=%s\n" % rules)
        self.host = self.start()

    def assert_refused(self, path, **more):
        self.assertIn("[policy] exec-allow", self.refused(path=path, **more))

    def test_only_what_is_listed_runs(self):
        self.assertEqual(self.output(self.good, "one"), "good one\n")
        self.assertEqual(self.output("good/tool", "one"), "good one\n")
        self.assertEqual(self.output("tool", "x", env=["PATH=%s/good" % self.work]), "good x\n")
        self.assertEqual(self.output("cat", input_data="YQ=="), "a")
        for path in (self.bad, "bad/tool", "good/../bad/tool", "sh", "/bin/sh", "env"):
            self.assert_refused(path)
        self.assert_refused("tool", env=["PATH=%s/bad:%s/good" % (self.work, self.work)])
        self.assertIn("(No such file or directory)", self.refused(path="no-such"))

    def test_links_are_looked_through(self):
        os.symlink(self.bad, os.path.join(self.work, "good/link"))
        os.symlink(self.good, os.path.join(self.work, "bad/link"))
        os.symlink("../bad", os.path.join(self.work, "good/folder"))
        self.assert_refused("good/link")
        self.assert_refused("good/folder/tool")
        self.assertIn("it is '%s', which" % self.bad, self.refused(path="good/link"))
        self.assertEqual(self.output("bad/link", "one"), "good one\n")

    def test_a_link_that_changes_all_the_time(self):
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                for target in (self.good, self.bad):
                    os.symlink(target, os.path.join(self.work, "aside"))
                    os.rename(os.path.join(self.work, "aside"), os.path.join(self.work, "link"))

        attacker = threading.Thread(target=swap)
        attacker.start()
        self.addCleanup(attacker.join)
        self.addCleanup(stop.set)
        wait_for(lambda: os.path.lexists(os.path.join(self.work, "link")), "the link")
        ran = 0
        for _ in range(300):
            reply = self.host.ask("guest-exec", {"path": "./link", "capture-output": True})
            if "return" in reply:
                ran += 1
                self.assertEqual(self.wait(reply["return"]["pid"])["out-data"], b"good\n")
        self.assertGreater(ran, 0)

    def test_an_empty_list_allows_nothing(self):
        self.allow("")
        self.assert_refused("cat")


if __name__ == "__main__":
    main()
