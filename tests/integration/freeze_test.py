#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real file systems on loop devices, really frozen by the built agent; hooks that misbehave."""

import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AgentTest, can_connect, main, need_loop_devices, wait_for  # noqa: E402


def started(mark):
    """Part of a hook: says that it runs."""
    return "echo $$ >%s\n" % mark


class FreezeCase(AgentTest):
    config = "[freeze]\ndeadline=30s\n"

    def mark(self, name):
        return os.path.join(self.directory, name)

    def freeze(self, host, *mounts, timeout=20):
        return host.ask("guest-fsfreeze-freeze-list",
                        {"mountpoints": [mount.path for mount in mounts]}, timeout)

    def assert_waits(self, mount):
        frozen, writer = mount.frozen()
        self.addCleanup(writer.stdout.close)
        self.assertTrue(frozen, "a write to %s went through" % mount.path)
        return writer

    def assert_goes_through(self, mount):
        frozen, writer = mount.frozen()
        writer.stdout.close()
        self.assertFalse(frozen, "a write to %s waits" % mount.path)


class RealFilesystems(FreezeCase):
    def freeze_and_thaw(self, kind):
        mount = self.mount(kind)
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        writer = self.assert_waits(mount)
        self.assertEqual(host.value("guest-fsfreeze-status"), "frozen")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)
        self.assertEqual(writer.wait(10), 0)
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        report = host.value("frostline-status")["last"]
        self.assertEqual(report["outcome"], "consistent")
        self.assertGreater(report["frozen-us"], 400000)
        frozen = [fs for fs in report["filesystems"] if fs["result"] == "frozen"]
        self.assertEqual([(fs["mountpoint"], fs["type"]) for fs in frozen], [(mount.path, kind)])

    def test_ext4(self):
        self.freeze_and_thaw("ext4")

    def test_xfs(self):
        self.freeze_and_thaw("xfs")

    def test_btrfs(self):
        self.freeze_and_thaw("btrfs")

    def test_several_at_once_and_only_what_was_named(self):
        ext4, xfs = self.mount("ext4"), self.mount("xfs")
        host = self.start()
        self.assertEqual(self.freeze(host, ext4, xfs), {"return": 2})
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 2)
        self.assertEqual(self.freeze(host, xfs), {"return": 1})
        self.assert_goes_through(ext4)
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)

    def test_a_thaw_of_nothing_is_0(self):
        self.assertEqual(self.start().value("guest-fsfreeze-thaw"), 0)

    def test_unknown_mount_points(self):
        host = self.start()
        self.assertEqual(host.ask("guest-fsfreeze-freeze-list", {"mountpoints": ["/no/such"]}),
                         {"return": 0})
        self.assert_error(host.ask("frostline-freeze", {"mountpoints": ["/no/such"]}), "/no/such")

    def test_commands_while_frozen(self):
        mount = self.mount("ext4")
        host = self.start()
        report = host.value("frostline-freeze", {"id": "one", "mountpoints": [mount.path]})
        self.assertEqual(report["id"], "one")
        self.assert_error(host.ask("guest-fsfreeze-freeze-list", {"mountpoints": []}),
                          "has been disabled", "CommandNotFound")
        again = host.value("frostline-freeze", {"id": "one", "mountpoints": [mount.path]})
        self.assertEqual(again["id"], "one")
        self.assert_error(host.ask("frostline-thaw", {"id": "two"}), "two")
        self.assertEqual(host.value("guest-fsfreeze-status"), "frozen")
        enabled = {entry["name"] for entry in host.value("guest-info")["supported_commands"]
                   if entry["enabled"]}
        self.assertIn("guest-fsfreeze-thaw", enabled)
        self.assertNotIn("guest-fsfreeze-freeze", enabled)
        self.assertEqual(host.value("frostline-thaw", {"id": "one"})["outcome"], "consistent")

    def test_a_host_that_reconnects_can_thaw(self):
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        host.close()
        with self.agent.connect() as other:
            self.assertEqual(other.value("guest-fsfreeze-status"), "frozen")
            self.assertEqual(other.value("guest-fsfreeze-thaw"), 1)


class Deadline(FreezeCase):
    config = "[freeze]\ndeadline=1s\n"

    def test_the_deadline_thaws_and_the_next_thaw_says_so_once(self):
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        writer = mount.writer()
        writer.stdout.readline()
        self.assertEqual(writer.wait(5), 0)
        writer.stdout.close()
        wait_for(lambda: host.value("guest-fsfreeze-status") == "thawed", "the lapse")
        self.assert_error(host.ask("guest-fsfreeze-thaw"), "fsfreeze is limited")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 0)
        self.assertEqual(host.value("frostline-status")["last"]["outcome"], "expired")

    def test_a_host_shortens_it_only(self):
        mount = self.mount("ext4")
        host = self.start()
        host.value("frostline-freeze", {"mountpoints": [mount.path], "deadline-ms": 3600000})
        self.assertLessEqual(host.value("frostline-status")["deadline-remaining-ms"], 1000)
        host.ask("guest-fsfreeze-thaw")


class Deaths(FreezeCase):
    def test_sigterm_thaws_first(self):
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        writer = self.assert_waits(mount)
        self.assertEqual(self.agent.stop(signal.SIGTERM), 0)
        self.assertEqual(writer.wait(5), 0)

    def test_after_sigkill_the_guard_thaws_and_the_next_start_recovers(self):
        thawed = self.mark("thawed")
        self.agent.hook("50-app", 'case $1 in thaw) echo "$FROSTLINE_OUTCOME" >>%s;; esac\n'
                        % thawed)
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        writer = self.assert_waits(mount)
        self.agent.stop(signal.SIGKILL)
        self.assertEqual(writer.wait(5), 0)
        self.agent.start()
        wait_for(lambda: os.path.exists(thawed), "the hook's thaw")
        with self.agent.connect() as other:
            self.assertEqual(other.value("guest-fsfreeze-status"), "thawed")
            wait_for(lambda: not other.value("frostline-status").get("owed-hooks"), "the hooks")
            self.assertEqual(other.value("frostline-status")["last"]["outcome"], "recovered")
        with open(thawed, encoding="ascii") as file:
            self.assertEqual(len(file.read().split()), 1)


class SlowHook(FreezeCase):
    """What a host sees while a hook takes its time."""

    def setUp(self):
        super().setUp()
        self.running = self.mark("running")
        self.thawed = self.mark("thawed")
        self.agent.hook("50-slow", "case $1 in\nfreeze) %s exec sleep 8;;\n"
                        "thaw) echo t >>%s;;\nesac\n" % (started(self.running), self.thawed))

    def begin(self):
        mount = self.mount("ext4")
        host = self.start()
        host.send(json.dumps({"execute": "guest-fsfreeze-freeze-list",
                              "arguments": {"mountpoints": [mount.path]}}))
        wait_for(lambda: os.path.exists(self.running), "the hook")
        return mount, host

    def assert_rolled_back(self, mount):
        with self.agent.control() as tool:
            wait_for(lambda: tool.value("frostline-status")["state"] == "idle", "the roll-back")
            self.assertEqual(tool.value("frostline-status")["last"]["outcome"], "aborted")
        self.assertTrue(os.path.exists(self.thawed), "the hook was not asked to thaw")
        self.assert_goes_through(mount)

    def test_immediate_commands_are_answered_within_10_ms(self):
        mount, host = self.begin()
        with self.agent.control() as tool:
            times = []
            for connection in (host, tool):
                for command in ("guest-ping", "frostline-status", "guest-fsfreeze-status",
                                "guest-info"):
                    begin = time.monotonic()
                    self.assertIn("return", connection.ask(command))
                    times.append(time.monotonic() - begin)
        # The median: this machine has other work, and one hiccup is not the agent's.
        self.assertLess(sorted(times)[len(times) // 2], 0.010)
        host.send('{"execute": "guest-fsfreeze-thaw"}')
        self.assert_error(host.read(), "")
        host.read()
        self.assert_rolled_back(mount)

    def test_a_sync_rolls_it_back_and_nothing_older_is_answered(self):
        mount, host = self.begin()
        begin = time.monotonic()
        self.assertEqual(host.value("guest-sync", {"id": 1}), 1)
        self.assertLess(time.monotonic() - begin, 0.5)
        self.assert_rolled_back(mount)
        self.assertTrue(host.silent(0.3))
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")

    def test_a_closed_connection_rolls_it_back(self):
        mount, host = self.begin()
        host.close()
        self.assert_rolled_back(mount)

    def test_a_sync_on_another_connection_does_not(self):
        _, host = self.begin()
        with self.agent.control() as tool:
            self.assertEqual(tool.value("guest-sync", {"id": 1}), 1)
            self.assertEqual(tool.value("frostline-status")["state"], "quiescing")
            tool.value("frostline-thaw")
        self.assert_error(host.read(), "")

    def test_sigterm_rolls_it_back(self):
        mount, _ = self.begin()
        self.assertEqual(self.agent.stop(signal.SIGTERM), 0)
        self.assertTrue(os.path.exists(self.thawed))
        self.assert_goes_through(mount)


class BadHooks(FreezeCase):
    def assert_called_off(self, *texts):
        mount = self.mount("ext4")
        host = self.start()
        reply = self.freeze(host, mount)
        for text in texts:
            self.assert_error(reply, text)
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        self.assert_goes_through(mount)
        return host

    def test_one_that_fails_names_itself_and_its_reason(self):
        thawed = self.mark("thawed")
        self.agent.hook("10-first", "case $1 in thaw) echo t >>%s;; esac\n" % thawed)
        self.agent.hook("50-bad", "case $1 in freeze) echo 'the disk is wet' >&2; exit 3;; esac\n")
        host = self.assert_called_off("50-bad", "the disk is wet")
        wait_for(lambda: not host.value("frostline-status").get("owed-hooks") and
                 host.value("frostline-status")["state"] == "idle", "the thaw hooks")
        with open(thawed, encoding="ascii") as file:
            self.assertEqual(file.read(), "t\n")

    def test_one_that_hangs_is_ended_at_its_limit(self):
        script = self.agent.hook("hang.sh", "case $1 in freeze) sleep 100;; esac\n")
        self.agent.hook("50-hang.hook", "[Hook]\nExec=%s\nFreezeTimeout=500ms\n" % script)
        begin = time.monotonic()
        self.assert_called_off("50-hang")
        self.assertLess(time.monotonic() - begin, 8)

    def test_children_that_ignore_sigterm_do_not_outlive_it(self):
        pids = self.mark("pids")
        script = self.agent.hook(
            "fork.sh", "case $1 in freeze)\ntrap '' TERM\n"
            "for i in 1 2 3; do (trap '' TERM; while :; do sleep 1; done) & echo $! >>%s; done\n"
            "wait;;\nesac\n" % pids)
        self.agent.hook("50-fork.hook", "[Hook]\nExec=%s\nFreezeTimeout=500ms\n" % script)
        self.assert_called_off("50-fork")
        with open(pids, encoding="ascii") as file:
            for pid in file.read().split():
                wait_for(lambda pid=pid: not os.path.exists("/proc/" + pid), "child " + pid)

    def test_one_that_prints_a_mebibyte_is_kept_short(self):
        self.agent.hook("50-loud", "case $1 in freeze) head -c 1048576 /dev/zero | tr '\\0' x >&2;"
                        " echo >&2; echo end >&2; head -c 1048576 /dev/zero;; esac\n")
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        report = host.value("frostline-thaw")
        loud = [hook for hook in report["hooks"] if hook["phase"] == "freeze"][0]
        for stream in ("stdout", "stderr"):
            self.assertLess(len(loud[stream]), 80 << 10)
            self.assertGreater(len(loud[stream]), 60 << 10)
        self.assertTrue(loud["stderr"].endswith("end\n"))

    def test_many_that_print_much_still_make_a_reply_that_a_host_takes(self):
        for number in range(20):
            self.agent.hook(f"50-loud{number}", "yes \"$(printf '\\303\\251')\" | head -c 60000 |"
                            " tee /dev/stderr; exit 0\n")
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        host.send(b'{"execute": "frostline-thaw"}\n')
        line = host.read_line()
        self.assertLess(len(line), 4 << 20)
        report = json.loads(line)["return"]
        self.assertEqual(len([hook for hook in report["hooks"] if hook["phase"] == "freeze"]), 20)
        self.assertRegex(report["hooks"][-1]["stdout"], "bytes left out: the reply is full")

    def test_what_it_says_is_in_the_report(self):
        self.agent.hook("50-app", "[ $1 = check ] && echo looks good; echo at 4711; echo hm >&2\n")
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        for row in host.value("frostline-thaw")["hooks"]:
            self.assertEqual((row["stdout"], row["stderr"]), ("at 4711\n", "hm\n"))
        listed = host.value("frostline-list-hooks", {"check": True})
        self.assertEqual(listed[0]["check"]["stdout"], "looks good\nat 4711\n")

    def test_a_bad_hook_file_names_place_and_what_is_right(self):
        path = self.agent.hook("50-app.hook", "[Hook]\n# ours\nExec=/bin/true\nTipe=session\n")
        host = self.start()
        listed = host.value("frostline-list-hooks")
        self.assertEqual(listed[0]["state"], "refused")
        for text in (path + ":4", "Tipe", "Type"):
            self.assertIn(text, listed[0]["reason"])

    def test_one_that_others_may_write_is_refused(self):
        self.agent.hook("50-open", "exit 0\n", mode=0o777)
        host = self.start()
        self.assertEqual(host.value("frostline-list-hooks")[0]["state"], "refused")

    def test_checks_run_when_asked_for(self):
        self.agent.hook("50-good", "[ $1 = check ] && exit 0; exit 1\n")
        self.agent.hook("60-absent", "[ $1 = check ] && exit 77; exit 1\n")
        listed = self.start().value("frostline-list-hooks", {"check": True})
        self.assertEqual([hook["check"]["result"] for hook in listed], ["done", "skipped"])


class Sessions(FreezeCase):
    def session_hook(self, after_thaw):
        script = self.agent.hook("session.sh", "echo READY\nread word\n" + after_thaw)
        self.agent.hook("50-db.hook", "[Hook]\nType=session\nExec=%s\n" % script)

    def test_one_that_holds(self):
        self.session_hook("exit 0\n")
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        self.assertEqual(host.value("frostline-thaw")["outcome"], "consistent")

    def test_one_that_did_not_hold_makes_the_thaw_say_so(self):
        self.session_hook("echo 'lock lost' >&2\nexit 1\n")
        mount = self.mount("ext4")
        host = self.start()
        self.assertEqual(self.freeze(host, mount), {"return": 1})
        self.assert_error(host.ask("guest-fsfreeze-thaw"), "fsfreeze is limited")
        self.assert_goes_through(mount)

    def test_hooks_alone_count_as_frozen(self):
        self.session_hook("exit 0\n")
        host = self.start()
        self.assertEqual(host.ask("guest-fsfreeze-freeze-list", {"mountpoints": []}),
                         {"return": 1})
        self.assertEqual(host.value("guest-fsfreeze-status"), "frozen")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)


class Recover(FreezeCase):
    def test_the_recovery_mode_exits_with_0_when_there_is_nothing(self):
        import subprocess  # noqa: PLC0415
        done = subprocess.run(self.agent.command("--recover"), timeout=20, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertFalse(can_connect(self.agent.socket))


if __name__ == "__main__":
    need_loop_devices()
    main()
