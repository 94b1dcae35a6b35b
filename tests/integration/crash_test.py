#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The built agent dies, is stopped or lacks what it needs, in each part of a freeze: nothing stays
frozen, each hook that was asked to freeze is thawed exactly once, and the host hears of it."""

import json
import os
import resource
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import GUARD, AgentTest, alive, main, wait_for  # noqa: E402


class CrashCase(AgentTest):
    config = "[freeze]\ndeadline=30s\n"

    def mark(self, name):
        return os.path.join(self.directory, name)

    def lines(self, name):
        try:
            with open(self.mark(name), encoding="ascii") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def write_down(self, name, more="", after=""):
        """A hook that writes each call into its file."""
        self.agent.hook(name, 'echo "$1 $FROSTLINE_OUTCOME" >>%s\n%s' % (self.mark(name), more) +
                        after)

    def begin(self, mount):
        host = self.start()
        host.send(json.dumps({"execute": "guest-fsfreeze-freeze-list",
                              "arguments": {"mountpoints": [mount.path]}}))
        return host

    def freeze(self, host, mount):
        self.assertEqual(host.ask("guest-fsfreeze-freeze-list", {"mountpoints": [mount.path]}, 20),
                         {"return": 1})

    def kill(self, with_guard=False):
        guards = self.agent.guards()
        if with_guard:
            self.assertEqual(len(guards), 1)
            self.agent.process.send_signal(signal.SIGSTOP)  # it must not see its guard go first
            os.kill(guards[0], signal.SIGKILL)
        self.agent.stop(signal.SIGKILL)
        return guards

    def assert_goes_through(self, mount):
        frozen, writer = mount.frozen()
        writer.stdout.close()
        self.assertFalse(frozen, "a write to %s waits" % mount.path)

    def assert_clean(self):
        """Of the next agent: it is idle, owes nothing and has written nothing down."""
        with self.agent.connect() as host:
            wait_for(lambda: host.value("frostline-status")["state"] == "idle", "the recovery")
            self.assertNotIn("owed-hooks", host.value("frostline-status"))
            self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")

    def next_thaw(self):
        with self.agent.connect() as host:
            return host.ask("guest-fsfreeze-thaw")


class KilledInTheHooks(CrashCase):
    def setUp(self):
        super().setUp()
        self.write_down("10-first")
        self.write_down("30-absent", "exit 77\n")
        # Its freeze would end, and do harm, long after the agent has died.
        self.write_down("50-slow", "case $1 in freeze) echo $$ >%s; sleep 3; echo harm >>%s;; esac\n"
                        % (self.mark("pid"), self.mark("harm")))
        self.write_down("70-never")
        self.filesystem = self.mount("ext4")
        self.begin(self.filesystem)
        wait_for(lambda: self.lines("pid"), "the slow hook")
        self.slow = int(self.lines("pid")[0])
        self.kill()

    def assert_undone(self):
        self.assertEqual(self.lines("10-first"), ["freeze ", "thaw aborted"])
        self.assertEqual(self.lines("50-slow"), ["freeze ", "thaw aborted"])
        self.assertEqual(self.lines("30-absent"), ["freeze "])
        self.assertEqual(self.lines("70-never"), [])
        self.assertFalse(alive(self.slow), "the freeze call of 50-slow still runs")
        self.assertEqual(self.lines("harm"), [])
        wait_for(lambda: not self.agent.run_files(), "an empty run directory")
        self.assert_goes_through(self.filesystem)

    def test_the_next_start_thaws_each_that_was_asked_once(self):
        self.agent.start()
        wait_for(lambda: len(self.lines("10-first")) > 1, "the thaw of the first hook")
        self.assert_clean()
        self.assert_undone()
        # It was never granted, so nobody has to be told that it did not hold.
        self.assertEqual(self.next_thaw(), {"return": 0})

    def test_recover_does_it_too_and_ends_when_it_is_done(self):
        done = subprocess.run(self.agent.command("--recover"), timeout=30, check=False)
        self.assertEqual(done.returncode, 0)
        self.assert_undone()
        self.agent.start()
        self.assert_clean()
        self.assert_undone()


class KilledWhileFrozen(CrashCase):
    def setUp(self):
        super().setUp()
        self.write_down("10-app")
        script = self.agent.hook(
            "session.sh", 'echo $1 >>%s\n[ $1 = hold ] || exit 0\necho READY\nread word\n'
            'echo "end $word" >>%s\n' % (self.mark("60-db"), self.mark("60-db")))
        os.rename(script, self.mark("session.sh"))
        self.agent.hook("60-db.hook",
                        "[Hook]\nType=session\nExec=%s\n" % self.mark("session.sh"))
        self.filesystem = self.mount("ext4")
        self.host = self.start()
        self.freeze(self.host, self.filesystem)
        frozen, self.writer = self.filesystem.frozen()
        self.addCleanup(self.writer.stdout.close)
        self.assertTrue(frozen)

    def assert_thawed_once(self):
        self.assertEqual(self.lines("10-app"), ["freeze ", "thaw aborted"])
        self.assertEqual(self.lines("60-db").count("thaw"), 1)

    def test_the_host_hears_of_it_even_when_recover_came_first(self):
        guard = self.kill()[0]
        self.assertEqual(self.writer.wait(5), 0)
        wait_for(lambda: not alive(guard), "the end of the guard")
        done = subprocess.run(self.agent.command("--recover"), timeout=30, check=False)
        self.assertEqual(done.returncode, 0)
        self.assert_thawed_once()
        self.agent.start()
        self.assert_clean()
        self.assert_error(self.next_thaw(), "fsfreeze is limited")
        self.assertEqual(self.next_thaw(), {"return": 0})
        self.assert_thawed_once()
        wait_for(lambda: not self.agent.run_files(), "an empty run directory")

    def test_agent_and_guard_together(self):
        self.kill(with_guard=True)
        self.assertIsNone(self.writer.poll(), "who thawed it?")
        self.agent.start()
        self.assertEqual(self.writer.wait(5), 0)
        wait_for(lambda: len(self.lines("10-app")) > 1, "the thaw hooks")
        self.assert_clean()
        self.assert_thawed_once()
        self.assert_error(self.next_thaw(), "fsfreeze is limited")
        wait_for(lambda: not self.agent.run_files(), "an empty run directory")

    def test_a_stop_leaves_word_for_the_host(self):
        self.assertEqual(self.agent.stop(signal.SIGTERM), 0)
        self.assertEqual(self.writer.wait(5), 0)
        self.assertEqual(self.lines("10-app"), ["freeze ", "thaw aborted"])
        self.agent.start()
        self.assert_clean()
        self.assert_error(self.next_thaw(), "fsfreeze is limited")
        self.assertEqual(self.lines("10-app"), ["freeze ", "thaw aborted"])

    def test_a_dead_guard_leaves_no_zombie_and_the_agent_thaws(self):
        guard = self.agent.guards()[0]
        os.kill(guard, signal.SIGKILL)
        self.assertEqual(self.host.value("guest-fsfreeze-thaw"), 1)
        self.assertEqual(self.writer.wait(5), 0)
        wait_for(lambda: not os.path.exists("/proc/%d" % guard), "the guard to be waited for")


class Guard(CrashCase):
    config = "[freeze]\ndeadline=1s\n"

    def test_it_holds_nothing_it_does_not_need(self):
        mount = self.mount("ext4")
        host = self.start()
        self.freeze(host, mount)
        folder = "/proc/%d/fd" % self.agent.guards()[0]
        targets = {int(fd): os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)}
        self.assertEqual([targets.pop(fd) for fd in (0, 1, 2)], ["/dev/null"] * 3)
        self.assertEqual(sorted(name.split(":")[0].replace(mount.path, "MOUNT")
                                for name in targets.values()),
                         sorted(["socket", "MOUNT", "anon_inode", "anon_inode"]), targets)
        host.ask("guest-fsfreeze-thaw")

    def test_every_thread_of_it_is_under_the_call_filter(self):
        mount = self.mount("ext4")
        host = self.start()
        self.freeze(host, mount)
        tasks = "/proc/%d/task" % self.agent.guards()[0]
        states = []
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "status"), encoding="utf-8") as file:
                states += [line.split()[1] for line in file if line.startswith("Seccomp:")]
        self.assertEqual(states, ["2", "2"])  # filtered: the guard's own and the file system's
        host.ask("guest-fsfreeze-thaw")

    def test_a_stopped_agent_is_thawed_at_the_deadline_and_says_so_later(self):
        mount = self.mount("xfs")
        host = self.start()
        self.freeze(host, mount)
        writer = mount.writer()
        writer.stdout.readline()
        self.agent.process.send_signal(signal.SIGSTOP)
        self.assertEqual(writer.wait(5), 0)
        writer.stdout.close()
        # Already in its socket when it wakes up.
        host.send('{"execute": "guest-fsfreeze-thaw"}\n')
        self.agent.process.send_signal(signal.SIGCONT)
        self.assert_error(host.read(), "fsfreeze is limited")


class Wanting(CrashCase):
    """What the agent needs is not there: a clear error, and everything is undone."""

    def refused(self, host, mount, *texts):
        reply = host.ask("guest-fsfreeze-freeze-list", {"mountpoints": [mount.path]}, 20)
        for text in texts:
            self.assert_error(reply, text)
        wait_for(lambda: host.value("frostline-status")["state"] == "idle", "the roll-back")
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        wait_for(lambda: not self.agent.guards(), "the end of the guard")
        self.assert_goes_through(mount)

    def test_no_guard(self):
        mount = self.mount("ext4")
        self.write_down("10-app")
        self.agent.guard = "/no/such/guard"
        self.refused(self.start(), mount, "/no/such/guard", "No such file")
        self.assertEqual(self.lines("10-app"), [], "a hook was asked in vain")

    def test_a_guard_that_is_something_else(self):
        mount = self.mount("ext4")
        self.agent.guard = "/bin/true"
        self.refused(self.start(), mount, "guard")
        self.agent.stop()

    def test_a_full_run_directory(self):
        mount = self.mount("ext4")
        self.write_down("10-app")
        os.makedirs(self.agent.run)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs",
                        self.agent.run], check=True)
        self.addCleanup(subprocess.run, ["umount", self.agent.run], check=True)
        self.addCleanup(self.agent.stop)
        host = self.start()
        filler = os.path.join(self.agent.run, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        self.refused(host, mount, "No space left on device", self.agent.run)
        self.assertEqual(self.lines("10-app"), [])
        os.unlink(filler)
        self.freeze(host, mount)
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)
        wait_for(lambda: not self.agent.run_files(), "an empty run directory")

    def test_out_of_descriptors(self):
        mount = self.mount("ext4")
        self.write_down("10-app")
        self.agent.start()
        used = max(int(fd) for fd in os.listdir("/proc/%d/fd" % self.agent.process.pid))
        host = self.agent.connect()
        self.addCleanup(host.close)
        host.value("guest-ping")
        for room in (2, 3, 5, 7):
            limit = used + room
            resource.prlimit(self.agent.process.pid, resource.RLIMIT_NOFILE, (limit, 4096))
            reply = host.ask("guest-fsfreeze-freeze-list", {"mountpoints": [mount.path]}, 20)
            if "error" in reply:
                self.assert_error(reply, "Too many open files")
                wait_for(lambda: host.value("frostline-status")["state"] == "idle", "roll-back")
                wait_for(lambda: not self.agent.guards(), "the end of the guard")
                self.assert_goes_through(mount)
            else:
                self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)
        resource.prlimit(self.agent.process.pid, resource.RLIMIT_NOFILE, (1024, 4096))
        wait_for(lambda: host.value("frostline-status")["state"] == "idle", "the thaw hooks")
        self.freeze(host, mount)
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)


class Endurance(CrashCase):
    CYCLES = 200

    def test_many_freezes_under_write_load_leave_nothing_behind(self):
        mount = self.mount("ext4")
        self.agent.hook("10-app", "exit 0\n")
        host = self.start()
        writer = subprocess.Popen(
            [sys.executable, "-c",
             "import os,sys\nn = 0\nwhile True:\n"
             "    with open(sys.argv[1] + str(n % 50), 'w') as f: f.write('x' * 65536)\n"
             "    n += 1\n", os.path.join(mount.path, "load")], cwd="/")
        try:
            arguments = {"mountpoints": [mount.path]}
            before = None
            for cycle in range(self.CYCLES):
                self.assertEqual(host.ask("guest-fsfreeze-freeze-list", arguments, 30),
                                 {"return": 1})
                report = host.value("frostline-thaw", timeout=30)
                self.assertEqual(report["outcome"], "consistent")
                if cycle == 20:  # by now every thread that it wants is there
                    before = self.figures()
            after = wait_for(lambda: self.figures() if not self.agent.children() else None,
                             "the last guard's end")
            self.assertLessEqual(after[0], before[0] + 3, "descriptors")
            self.assertLessEqual(after[1], before[1] + 2, "threads")
            self.assertIsNone(writer.poll(), "the writer has ended")
        finally:
            mount.thaw()
            writer.kill()
            writer.wait(10)
        self.assert_goes_through(mount)
        wait_for(lambda: not self.agent.run_files(), "an empty run directory")

    def figures(self):
        return self.agent.descriptors(), self.agent.threads()


if __name__ == "__main__":
    assert os.path.exists(GUARD), GUARD
    main()
