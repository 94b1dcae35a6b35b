#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guest-shutdown through the real agent, with fakes in the place of the machine's programs."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import private_mounts  # noqa: E402
from harness import AgentTest, main, need_loop_devices, need_root, wait_for  # noqa: E402


class ShutdownTest(AgentTest):
    programs = ("poweroff", "halt", "reboot")

    def setUp(self):
        super().setUp()
        self.data = self.mount("ext4").path
        self.called = os.path.join(self.directory, "called")
        self.fakes = os.path.join(self.directory, "sbin")
        os.mkdir(self.fakes, 0o755)
        for name in self.programs:
            self.fake(name, 'echo "$0 $*" > %s/written && mv %s/written %s\n' % (
                self.data, self.data, self.called))
        over = private_mounts.Over(self.fakes, "/sbin")
        self.addCleanup(over.remove)
        # Nothing here may ever reach the machine's own programs.
        self.assertEqual(sorted(os.listdir("/sbin")), sorted(self.programs))
        self.host = self.start()

    def fake(self, name, script):
        path = os.path.join(self.fakes, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)

    def what_was_called(self):
        wait_for(lambda: os.path.exists(self.called), "the shutdown program")
        with open(self.called, encoding="utf-8") as file:
            text = file.read()
        os.unlink(self.called)
        return text.strip()


class Shutdown(ShutdownTest):
    def test_each_mode_and_no_reply(self):
        for arguments, program in (({}, "poweroff"), ({"mode": "powerdown"}, "poweroff"),
                                   ({"mode": "halt"}, "halt"), ({"mode": "reboot"}, "reboot")):
            self.host.send('{"execute": "guest-shutdown", "arguments": %s}' %
                           str(arguments).replace("'", '"'))
            self.assertEqual(self.what_was_called(), "/sbin/" + program)
            # Answered in turn: a reply to the first would come before it.
            reply = self.host.ask("guest-shutdown", {"mode": "explode"}, id="next")
            self.assertEqual(reply["id"], "next")

    def test_another_mode(self):
        reply = self.host.ask("guest-shutdown", {"mode": "explode"})
        self.assertEqual(reply["error"], {
            "class": "GenericError",
            "desc": "mode is invalid (valid values are: halt|powerdown|reboot"})

    def test_a_failure_is_told(self):
        self.fake("poweroff", "echo not now >&2; exit 1\n")
        reply = self.host.ask("guest-shutdown")
        self.assertEqual(reply["error"]["desc"], "child process has failed to shutdown: not now\n")

    def test_what_is_frozen_is_thawed_first(self):
        self.agent.hook("10-app", 'echo "$1" >> %s/hooks\n' % self.directory)
        self.assertEqual(self.host.value("guest-fsfreeze-freeze-list",
                                         {"mountpoints": [self.data]}), 1)
        names = {entry["name"]: entry["enabled"]
                 for entry in self.host.value("guest-info")["supported_commands"]}
        self.assertTrue(names["guest-shutdown"])
        self.assertFalse(names["guest-suspend-ram"])
        self.assert_error(self.host.ask("guest-suspend-ram"), "has been disabled",
                          "CommandNotFound")
        self.host.send('{"execute": "guest-shutdown"}')
        # The fake writes to what was frozen, so that it could not have run before the thaw.
        self.assertEqual(self.what_was_called(), "/sbin/poweroff")
        # The host's snapshot isn't consistent, and its thaw hears so.
        self.assert_error(self.host.ask("guest-fsfreeze-thaw"), "the guest was told to shut down")
        wait_for(lambda: self.host.value("frostline-status")["state"] == "idle", "the thaw hooks")
        with open(os.path.join(self.directory, "hooks"), encoding="utf-8") as file:
            self.assertEqual(file.read().split(), ["freeze", "thaw"])

    def test_a_hanging_program_blocks_nothing_and_goes_with_the_agent(self):
        self.fake("poweroff", "echo $$ > %s.now; mv %s.now %s\nexec tail -f /dev/null\n" % (
            (self.called,) * 3))
        self.host.send('{"execute": "guest-shutdown"}')
        child = int(self.what_was_called())
        self.assertEqual(self.host.value("guest-ping"), {})
        self.assertEqual(self.host.value("guest-sync", {"id": 7}), 7)
        self.assertEqual(self.agent.stop(), 0)
        wait_for(lambda: not os.path.exists("/proc/%d" % child), "the program's end")


class Policy(AgentTest):
    def test_only_the_full_profile_changes_the_guest(self):
        changing = {"guest-shutdown", "guest-suspend-disk", "guest-suspend-ram",
                    "guest-suspend-hybrid", "guest-set-time", "guest-set-user-password",
                    "guest-ssh-get-authorized-keys", "guest-ssh-add-authorized-keys",
                    "guest-ssh-remove-authorized-keys"}
        silent = {"guest-shutdown", "guest-suspend-disk", "guest-suspend-ram",
                  "guest-suspend-hybrid"}
        for profile, expected in (("full", changing), ("snapshot", set()), ("inspect", set())):
            self.agent.configure("[policy]\nprofile=%s\n" % profile)
            self.agent.start()
            with self.agent.connect() as host:
                entries = host.value("guest-info")["supported_commands"]
            self.agent.stop()
            self.assertEqual({entry["name"] for entry in entries if entry["enabled"]} & changing,
                             expected)
            self.assertEqual({entry["name"] for entry in entries
                              if not entry["success-response"]}, silent)


class OldShutdown(ShutdownTest):
    programs = ("shutdown",)

    def test_without_those_programs_it_is_shutdown_with_four_arguments(self):
        for mode, flag in (("powerdown", "-P"), ("halt", "-H"), ("reboot", "-r")):
            self.host.send('{"execute": "guest-shutdown", "arguments": {"mode": "%s"}}' % mode)
            self.assertEqual(self.what_was_called(),
                             "/sbin/shutdown -h %s +0 hypervisor initiated shutdown" % flag)


class NoProgram(ShutdownTest):
    programs = ()

    def test_a_guest_that_cannot_says_so_at_once(self):
        reply = self.host.ask("guest-shutdown")
        self.assertEqual(reply["error"]["desc"],
                         "child process has failed to shutdown: failed to exec '/sbin/shutdown': "
                         "No such file or directory\n")


if __name__ == "__main__":
    need_root()
    need_loop_devices()
    private_mounts.enter()
    main()
