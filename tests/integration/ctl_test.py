#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""frostlinectl: against the built agent, and on its own."""

import ctypes
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, LoopMount, main, wait_for  # noqa: E402

CTL = os.environ["FROSTLINE_CTL"]


class CtlTest(AgentTest):
    def command(self, *arguments):
        return [CTL, "-t", self.agent.run, "-c", self.agent.config, "--hooks-dir",
                self.agent.hooks, *arguments]

    def ctl(self, *arguments, status=0):
        """What it prints; the exit status is checked."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def json(self, *arguments, status=0):
        return json.loads(self.ctl("--json", *arguments, status=status))

    def session(self, name, body):
        """A session hook; its program lies outside the folder of hooks."""
        program = os.path.join(self.directory, name)
        with open(program, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n" + body)
        os.chmod(program, 0o755)
        self.agent.hook(name + ".hook", "[Hook]\nType=session\nExec=%s\nFreezeTimeout=2s\n"
                        % program)

    def state(self):
        with self.agent.control() as control:
            return control.value("frostline-status")["state"]


class Asking(CtlTest):
    config = "[freeze]\ndeadline=30s\n"

    def test_no_agent(self):
        for verb in ("status", "hooks", "thaw", "rehearse"):
            out = self.ctl(verb, status=2)
            self.assertIn("is frostline-agent running", out)
            self.assertIn(self.agent.run + "/control.sock", out)
        self.assertEqual(self.json("status", status=2)["exit-status"], 2)

    def test_status_and_hooks(self):
        self.agent.hook("30-cache", "test $1 != check || { echo no cache >&2; exit 77; }\n")
        mount = self.mount("ext4")
        host = self.start()
        self.assertIn("idle", self.ctl("status"))
        self.assertIn("30     30-cache  oneshot  active", self.ctl("hooks"))
        self.assertIn("check: skipped: no cache", self.ctl("hooks", "--check"))
        host.value("frostline-freeze", {"id": "by-hand", "mountpoints": [mount.path]})
        out = self.ctl("status")
        self.assertRegex(out, r"state +frozen")
        self.assertRegex(out, r"freeze id +by-hand")
        self.assertIn(mount.path, out)
        self.assertEqual(self.json("status")["status"]["id"], "by-hand")
        self.assertIn("thawed: 1 file systems", self.ctl("thaw"))
        self.assertIn("consistent, frozen for", self.ctl("status"))
        self.assertEqual(self.state(), "idle")

    def test_a_rehearsal(self):
        self.agent.hook("30-cache", "exit 0\n")
        mount = self.mount("xfs")
        self.start()
        out = self.ctl("rehearse", "--mountpoint", mount.path)
        self.assertRegex(out, r"outcome +consistent")
        for word in ("PHASE", "presync", "frozen", "30-cache", mount.path):
            self.assertIn(word, out)
        report = self.json("rehearse", "--mountpoint", mount.path)["report"]
        self.assertEqual([one["result"] for one in report["filesystems"]], ["frozen"])
        self.assertEqual(self.state(), "idle")

    def test_a_rehearsal_that_fails_or_would_not_be_consistent(self):
        mount = self.mount("ext4")
        self.start()
        self.agent.hook("30-cache", "test $1 = thaw || { echo no room >&2; exit 1; }\n")
        out = self.ctl("rehearse", "--mountpoint", mount.path, status=3)
        self.assertIn("30-cache", out)
        self.assertIn("no room", out)
        os.unlink(os.path.join(self.agent.hooks, "30-cache"))
        self.session("40-db", "echo READY; read -r word; echo the lock was lost >&2; exit 1\n")
        out = self.ctl("rehearse", "--mountpoint", mount.path, status=5)
        self.assertIn("would not have been consistent", out)
        out = self.ctl("rehearse", "--mountpoint", mount.path + "/nothing", status=3)
        self.assertIn(mount.path + "/nothing", out)
        self.assertEqual(self.state(), "idle")

    def test_a_rehearsal_leaves_the_freeze_of_somebody_else_alone(self):
        mount = self.mount("ext4")
        host = self.start()
        host.value("frostline-freeze", {"id": "a-backup", "mountpoints": [mount.path]})
        self.assertIn("a-backup", self.ctl("rehearse", "--mountpoint", mount.path, status=3))
        status = host.value("frostline-status")
        self.assertEqual((status["state"], status["id"]), ("frozen", "a-backup"))
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)

    def test_an_interrupted_rehearsal_thaws(self):
        mount = self.mount("ext4")
        self.session("40-db", "echo $$ >%s/pid\necho READY; read -r word; exit 0\n"
                     % self.directory)
        self.agent.hook("50-slow", "test $1 != freeze || exec sleep 5\n")
        self.start()
        process = subprocess.Popen(self.command("rehearse", "--mountpoint", mount.path),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: os.path.exists(os.path.join(self.directory, "pid")), "the session")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 3, err)
        self.assertEqual(self.state(), "idle")
        frozen, writer = mount.frozen()
        writer.stdout.close()
        self.assertFalse(frozen)


FAN_CLASS_CONTENT, FAN_MARK_ADD, FAN_MARK_MOUNT, FAN_OPEN_PERM = 4, 1, 0x10, 0x10000


class Check(CtlTest):
    """Without an agent. It freezes nothing, so it may look at the machine's own file systems."""

    def plan_of(self, document, path):
        return next(one for one in document["plan"]["filesystems"] if one["mountpoint"] == path)

    def test_the_plan(self):
        mount = self.mount("ext4")
        second = os.path.join(self.directory, "second")
        os.mkdir(second)
        subprocess.run(["mount", "--bind", mount.path, second], check=True)
        self.addCleanup(subprocess.run, ["umount", second], check=False)
        document = self.json("check")
        planned = self.plan_of(document, mount.path)
        self.assertEqual(planned["action"], "freeze")
        self.assertEqual(planned["mountpoints"], [mount.path, second])
        out = self.ctl("check")
        self.assertIn("and 1 other mount point", out)
        self.assertIn("a freeze should work", out)
        self.agent.configure("[freeze]\nexclude=%s\n" % mount.path)
        left = self.json("check")["plan"]["left-out"]
        self.assertIn(mount.path, [one["mountpoint"] for one in left])

    def test_what_lies_on_another_file_system_is_in_an_earlier_wave(self):
        outer = self.mount("xfs")
        inner = LoopMount(outer.path, "ext4")
        inner.__enter__()
        self.mounts.append(inner)
        document = self.json("check")
        self.assertLess(self.plan_of(document, inner.path)["wave"],
                        self.plan_of(document, outer.path)["wave"])

    def test_a_run_directory_on_a_disk(self):
        self.agent.run = os.path.join(self.mount("ext4").path, "run")
        self.assertIn("HAZARD run-directory", self.ctl("check", status=5))

    def test_hooks(self):
        self.agent.hook("30-cache", "exit 0\n")
        self.agent.hook("31-absent", "exit 77\n")
        self.assertRegex(self.ctl("check"), r"31-absent +oneshot +active +check: skipped")
        self.agent.hook("32-broken", "echo no password file >&2; exit 1\n")
        out = self.ctl("check", status=3)
        self.assertIn("PROBLEM: the check of the hook 32-broken fails: no password file", out)
        self.assertIn("a freeze would FAIL", out)
        os.unlink(os.path.join(self.agent.hooks, "32-broken"))
        self.agent.hook("33-open", "exit 0\n", 0o777)
        self.assertIn("33-open is refused", self.ctl("check", status=3))

    def test_a_wrong_configuration(self):
        self.agent.configure("[freeze]\ndeadlin=3s\n")
        self.assertIn("deadlin", self.ctl("check", status=3))

    def test_a_listener_that_is_asked_before_files_open(self):
        mount = self.mount("ext4")
        libc = ctypes.CDLL(None, use_errno=True)
        group = libc.fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY)
        self.assertGreaterEqual(group, 0, os.strerror(ctypes.get_errno()))
        self.addCleanup(os.close, group)  # lets everybody go who waits for an answer
        marked = libc.fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_MOUNT,
                                    ctypes.c_ulonglong(FAN_OPEN_PERM), -100, mount.path.encode())
        self.assertEqual(marked, 0, os.strerror(ctypes.get_errno()))
        hazards = self.json("check", status=5)["hazards"]
        found = [one for one in hazards if one["kind"] == "fanotify"]
        self.assertEqual(len(found), 1)
        self.assertIn("process %d" % os.getpid(), found[0]["text"])
        self.assertIn(mount.path, found[0]["text"])


class Image(CtlTest):
    PARTS = ("usr/sbin/frostline-agent", "usr/lib/frostline/frostline-guard",
             "usr/lib/systemd/system/frostline-agent.service",
             "usr/lib/udev/rules.d/60-frostline-agent.rules")

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.directory, "image")
        os.makedirs(os.path.join(self.root, "proc"))
        for part in self.PARTS:
            self.put(part, "")

    def put(self, path, text, mode=0o644):
        whole = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(whole, mode)

    def check(self, status):
        done = subprocess.run([CTL, "--json", "check", "--image", self.root], check=False,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_a_good_one(self):
        self.put("etc/frostline/agent.conf", "[freeze]\ndeadline=20s\n")
        self.put("usr/lib/frostline/hooks/db", "#!/bin/sh\n", 0o755)
        # A path in the image, where nothing of the kind is outside.
        self.put("etc/frostline/hooks.d/40-db.hook", "[Hook]\nExec=/usr/lib/frostline/hooks/db\n")
        document = self.check(0)
        self.assertEqual(document["problems"], [])
        self.assertIn("the hook 40-db is right", document["found"])

    def test_what_is_missing_or_wrong_is_named(self):
        os.unlink(os.path.join(self.root, self.PARTS[1]))
        self.put("etc/frostline/hooks.d/41-db.hook", "[Hook]\nExec=/nowhere\n")
        os.makedirs(os.path.join(self.root, "etc/systemd/system"))
        os.symlink("/dev/null", os.path.join(self.root,
                                             "etc/systemd/system/frostline-agent.service"))
        problems = "\n".join(self.check(3)["problems"])
        for words in ("the guard is not there", "the hook 41-db is refused", "is masked"):
            self.assertIn(words, problems)
        self.put("etc/frostline/agent.conf", "[freeze]\nnonsense=1\n")
        self.assertIn("nonsense", "\n".join(self.check(3)["problems"]))

    def test_no_folder(self):
        self.root += "/nothing"
        self.assertIn("cannot look into", self.check(1)["error"])


class Hooks(CtlTest):
    def new(self, *arguments, status=0):
        return self.ctl("new-hook", "--dir", self.agent.hooks, *arguments, status=status)

    def test_a_new_session_hook_from_nothing_to_tested(self):
        out = self.new("mydb")
        self.assertIn("frostlinectl test-hook 50-mydb", out)
        program = os.path.join(os.path.dirname(self.agent.hooks), "hooks", "mydb")
        self.assertIn("not here or not running", self.ctl("test-hook", "50-mydb"))
        with open(program, encoding="ascii") as file:
            text = file.read()
        with open(program, "w", encoding="ascii") as file:
            file.write(text.replace("    false\n", "    true\n"))
        out = self.ctl("test-hook", "50-mydb", "--hold", "100ms")
        self.assertRegex(out, r"check +done")
        self.assertRegex(out, r"thaw +held")

    def test_a_new_oneshot_hook(self):
        self.new("60-app", "--oneshot")
        path = os.path.join(self.agent.hooks, "60-app")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o755)
        with open(path, encoding="ascii") as file:
            text = file.read()
        with open(path, "w", encoding="ascii") as file:
            file.write(text.replace("    false\n", "    true\n"))
        runs = self.json("test-hook", path, "--hold", "10ms")["runs"]
        self.assertEqual([(run["phase"], run["result"]) for run in runs],
                         [("check", "done"), ("freeze", "done"), ("thaw", "done")])

    def test_nothing_is_written_over(self):
        self.new("mydb")
        self.assertIn("is there already", self.new("mydb", status=1))
        self.assertIn("is no name for a hook", self.new("../mydb", status=1))

    def test_what_would_call_a_freeze_off_is_said(self):
        self.session("40-dies", "echo READY; echo connection lost >&2; exit 1\n")
        out = self.ctl("test-hook", "40-dies", status=3)
        self.assertIn("did not hold", out)
        self.assertIn("connection lost", out)
        self.session("41-silent", "exec sleep 60\n")
        self.assertRegex(self.ctl("test-hook", "41-silent", status=3), r"hold +timed-out")
        self.agent.hook("42-fails", "test $1 = thaw || { echo disk full >&2; exit 1; }\n")
        out = self.ctl("test-hook", "42-fails", status=3)
        self.assertIn("disk full", out)
        self.assertRegex(out, r"thaw +done")  # asked although it failed
        self.agent.hook("43-open", "exit 0\n", 0o777)
        self.assertIn("the hook is refused", self.ctl("test-hook", "43-open", status=3))
        self.assertIn("no such hook", self.ctl("test-hook", "44-nothing", status=1))

    def test_an_interrupted_test_lets_go(self):
        self.session("40-db", "echo $$ >%s/pid\necho READY; read -r word; echo $word >%s/word\n"
                     % (self.directory, self.directory))
        process = subprocess.Popen(self.command("test-hook", "40-db", "--hold", "60s"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        pid = os.path.join(self.directory, "pid")
        wait_for(lambda: os.path.exists(pid), "the session")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 3, err)
        self.assertIn("interrupted", err)
        with open(pid, encoding="ascii") as file:
            self.assertFalse(os.path.exists("/proc/" + file.read().strip()))


if __name__ == "__main__":
    main()
