#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wire: what upstream's own tests assert, hosts that come and go, and the command line."""

import os
import select
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import AGENT, AgentTest, main, wait_for  # noqa: E402


class UpstreamCases(AgentTest):
    """qemu-ga's unit tests, for the commands that are there."""

    def test_sync_delimited(self):
        host = self.start()
        host.send(b"\xff" + b"{'execute': 'guest-sync-delimited', 'arguments': {'id': 4022250974}}")
        host.read_line()  # the error that our own 0xFF has caused
        self.assertEqual(host.read_line(), b'\xff{"return": 4022250974}')

    def test_sync_in_single_quotes(self):
        host = self.start()
        host.send("{'execute': 'guest-sync', 'arguments': {'id': 1234567890123}}")
        self.assertEqual(host.read(), {"return": 1234567890123})

    def test_ping_and_id(self):
        host = self.start()
        self.assertEqual(host.ask("guest-ping"), {"return": {}})
        self.assertEqual(host.ask("guest-ping", id=1), {"return": {}, "id": 1})
        self.assertEqual(host.ask("guest-ping", id=None), {"return": {}, "id": None})

    def test_invalid_requests(self):
        host = self.start()
        host.send("{'exec-oob': 'guest-ping'}")
        self.assert_error(host.read(), "QMP input member 'exec-oob' is unexpected")
        reply = host.ask("guest-ping", {"foo": 42})
        self.assertEqual(reply["error"], {"class": "GenericError",
                                          "desc": "Parameter 'foo' is unexpected"})
        self.assert_error(host.ask("guest-nonsense"),
                          "The command guest-nonsense has not been found", "CommandNotFound")

    def test_info(self):
        host = self.start()
        info = host.value("guest-info")
        version = subprocess.run([AGENT, "-V"], check=True, capture_output=True, text=True).stdout
        self.assertIn(info["version"], version)
        names = [entry["name"] for entry in info["supported_commands"]]
        self.assertEqual(names[-3:], ["guest-ping", "guest-sync", "guest-sync-delimited"])
        for entry in info["supported_commands"]:
            self.assertEqual(sorted(entry), ["enabled", "name", "success-response"])
            self.assertTrue(entry["enabled"])

    def test_fsfreeze_status(self):
        self.assertEqual(self.start().value("guest-fsfreeze-status"), "thawed")

    def test_control_socket_is_for_root_only(self):
        self.start()
        path = os.path.join(self.agent.run, "control.sock")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with self.agent.control() as one, self.agent.control() as two:
            self.assertEqual(one.value("guest-ping"), {})
            self.assertEqual(two.value("frostline-status")["state"], "idle")

    def test_sigterm_exits_with_0(self):
        self.start()
        self.assertEqual(self.agent.stop(signal.SIGTERM), 0)


class Blocked(AgentTest):
    options = ("-b", "guest-ping,guest-get-time")

    def test_blocked_ones_are_disabled_and_say_so(self):
        host = self.start()
        self.assert_error(host.ask("guest-ping"), "has been disabled", "CommandNotFound")
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")
        enabled = {entry["name"]: entry["enabled"]
                   for entry in host.value("guest-info")["supported_commands"]}
        self.assertFalse(enabled["guest-ping"])
        self.assertTrue(enabled["guest-sync"])


class Allowed(AgentTest):
    options = ("-a", "guest-ping")

    def test_only_the_allowed_ones_run(self):
        host = self.start()
        self.assertEqual(host.value("guest-ping"), {})
        self.assert_error(host.ask("guest-fsfreeze-status"), "has been disabled",
                          "CommandNotFound")


class Profiles(AgentTest):
    """[policy], as guest-info shows it and as it is enforced, for the commands named here. The
    tests of other families look at theirs."""

    SYNC = {"guest-sync", "guest-sync-delimited", "guest-ping", "guest-info"}
    STATUS = {"guest-fsfreeze-status", "frostline-status", "frostline-list-hooks"}
    FREEZE = {"guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list", "guest-fsfreeze-thaw",
              "frostline-freeze", "frostline-thaw"}
    EVERYTHING = SYNC | STATUS | FREEZE

    def enabled(self, policy):
        self.agent.configure("[policy]\n" + policy)
        self.agent.start()
        try:
            with self.agent.connect() as host:
                reply = host.ask("guest-info")
                if "error" in reply:
                    self.assert_error(reply, "Command guest-info has been disabled: the command "
                                             "is not allowed", "CommandNotFound")
                    return None
                names = {entry["name"] for entry in reply["return"]["supported_commands"]
                         if entry["enabled"]}
                for name in self.FREEZE | self.STATUS:
                    if name not in names:
                        self.assert_error(host.ask(name), "has been disabled", "CommandNotFound")
                return names & self.EVERYTHING
        finally:
            self.agent.stop()

    def test_profiles_and_lists(self):
        everything = self.EVERYTHING
        for policy, names in (
                ("", everything),
                ("profile=full\nblock=guest-ping\n", everything - {"guest-ping"}),
                ("profile=snapshot\n", everything),
                ("profile=inspect\n", self.SYNC | self.STATUS),
                ("profile=inspect\nallow=frostline-thaw;guest-sync\nblock=guest-sync\n",
                 (self.SYNC | self.STATUS | {"frostline-thaw"}) - {"guest-sync"}),
                ("profile=none\n", None),
                ("profile=none\nallow=guest-info\n", {"guest-info"})):
            with self.subTest(policy):
                self.assertEqual(self.enabled(policy), names)

    def test_while_frozen_what_is_safe_runs_and_nothing_else(self):
        self.agent.configure("[policy]\nblock=guest-fsfreeze-thaw,frostline-status\n")
        self.agent.hook("50-app", "exit 0\n")
        host = self.start()
        self.assert_error(host.ask("frostline-status"), "has been disabled", "CommandNotFound")
        self.assertEqual(host.value("guest-fsfreeze-freeze-list", {"mountpoints": []}), 1)
        info = host.value("guest-info")["supported_commands"]
        disabled = {entry["name"] for entry in info if not entry["enabled"]}
        self.assertEqual(disabled & self.EVERYTHING,
                         {"guest-fsfreeze-freeze", "guest-fsfreeze-freeze-list",
                          "frostline-list-hooks"})
        self.assert_error(host.ask("guest-fsfreeze-freeze"), "has been disabled",
                          "CommandNotFound")
        self.assertEqual(host.value("frostline-status")["state"], "frozen")
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)
        self.assert_error(host.ask("frostline-status"), "has been disabled", "CommandNotFound")


class Peers(AgentTest):
    """Hosts that come, go, and do not read."""

    def test_a_host_that_does_not_read_costs_nothing_and_sigterm_works(self):
        host = self.start()
        host.socket.setblocking(False)
        request = b'{"execute": "guest-info"}' * 400
        stuck_since = None
        while stuck_since is None or time.monotonic() - stuck_since < 0.5:
            try:
                host.socket.send(request)
                stuck_since = None
            except BlockingIOError:
                stuck_since = stuck_since or time.monotonic()
                select.select([], [host.socket], [], 0.05)
        before = self.agent.cpu_seconds()
        begin = time.monotonic()
        self.assertTrue(wait_for(lambda: time.monotonic() - begin > 2, "two seconds"))
        self.assertLess(self.agent.cpu_seconds() - before, 0.1)
        self.assertLess(self.agent.memory(), 64 << 20)
        self.assertEqual(self.agent.stop(timeout=5), 0)

    def test_a_host_that_goes_while_a_reply_is_pending_costs_nothing(self):
        host = self.start()
        host.send(b'{"execute": "guest-info"}' * 4000)
        host.close()
        with self.agent.connect() as next_host:
            self.assertEqual(next_host.value("guest-ping"), {})
            before = self.agent.cpu_seconds()
            begin = time.monotonic()
            wait_for(lambda: time.monotonic() - begin > 1, "a second")
            self.assertLess(self.agent.cpu_seconds() - before, 0.05)

    def test_each_host_starts_afresh(self):
        host = self.start()
        host.send(b'{"execute": "guest-pi')
        host.close()
        for _ in range(50):
            with self.agent.connect() as next_host:
                self.assertEqual(next_host.ask("guest-ping"), {"return": {}})

    def test_one_host_at_a_time(self):
        first = self.start()
        self.assertEqual(first.value("guest-ping"), {})
        with self.agent.connect() as second:
            second.send('{"execute": "guest-ping"}')
            self.assertTrue(second.silent(0.3))
            first.close()
            self.assertEqual(second.read(), {"return": {}})

    def test_a_half_closed_host_gets_its_answers(self):
        host = self.start()
        host.send('{"execute": "guest-ping", "id": 1}{"execute": "guest-ping", "id": 2}')
        host.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(host.read()["id"], 1)
        self.assertEqual(host.read()["id"], 2)
        self.assertIsNone(host.read_line())


class CommandLine(AgentTest):
    """The program itself, before it serves."""

    def run_agent(self, *options, **more):
        return subprocess.run([AGENT, *options], capture_output=True, text=True, timeout=10,
                              check=False, **more)

    def test_dump_with_upstreams_sample(self):
        sample = os.path.join(self.directory, "sample.conf")
        with open(sample, "w", encoding="utf-8") as file:
            file.write("[general]\ndaemon=false\nmethod=virtio-serial\npath=/path/to/org.qemu\n"
                       "pidfile=/var/foo/qemu-ga.pid\nstatedir=/var/state\nverbose=true\n"
                       "block-rpcs=guest-ping;guest-get-time\n")
        done = self.run_agent("-D", env={"QGA_CONF": sample})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("[general]\ndaemon=false\n"))
        for line in ("method=virtio-serial", "path=/path/to/org.qemu", "verbose=true",
                     "pidfile=/var/foo/qemu-ga.pid", "statedir=/var/state",
                     "block-rpcs=guest-ping;guest-get-time"):
            self.assertIn(line + "\n", done.stdout)

    def test_qemu_gas_forms(self):
        """Attached and detached arguments, abbreviations, words that mean nothing."""
        sample = os.path.join(self.directory, "sample.conf")
        with open(sample, "w", encoding="utf-8") as file:
            file.write("[general]\nblock-rpcs=guest-ping\nunknown=1\n[other]\nx=y\n")
        done = self.run_agent("-c", sample, "word", "-F/x/hook", "-vd", "--meth=unix-listen",
                              "-p/a", "--retry", "--block-rpcs=guest-sync", "-s", "install", "-D")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in ("daemon=true", "method=unix-listen", "path=/a", "fsfreeze-hook=/x/hook",
                     "verbose=true", "retry-path=true", "block-rpcs=guest-ping,guest-sync"):
            self.assertIn(line + "\n", done.stdout)
        done = self.run_agent("-c", sample, "-F", "/ignored", "-D")
        self.assertIn("fsfreeze-hook=/etc/qemu/fsfreeze-hook\n", done.stdout)
        with open(sample, "w", encoding="utf-8") as file:
            file.write("[general]\n\nverbose=yes\n")
        done = self.run_agent("-c", sample, "-D")
        self.assertEqual(done.returncode, 1)
        self.assertIn(sample + ":3: [general] verbose: 'yes' is none of true, false, 1, 0",
                      done.stderr)
        done = self.run_agent("-c", "/nowhere/agent.conf", "-D")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/agent.conf: cannot open", done.stderr)
        self.assertEqual(self.run_agent("-D", env={"QGA_CONF": "/nowhere"}).returncode, 0)
        for option in ("-V", "--version", "-h", "--help", "-b?", "-ahelp"):
            self.assertEqual(self.run_agent(option).returncode, 0, option)

    def test_help_lists_and_errors(self):
        self.assertEqual(self.run_agent("-h").returncode, 0)
        listing = self.run_agent("-b", "help")
        self.assertEqual(listing.returncode, 0)
        self.assertIn("guest-ping\n", listing.stdout)
        unknown = self.run_agent("--nonsense")
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("Unknown option, try '%s --help' for more information." % AGENT,
                      unknown.stdout)
        method = self.run_agent("-m", "pigeon")
        self.assertEqual((method.returncode, method.stdout), (1, ""))
        self.assertIn("unsupported channel method/type: pigeon", method.stderr)

    def test_bad_configuration_names_the_place_and_what_is_right(self):
        self.agent.configure("[freeze]\n# a comment\ndeadline=soon\n")
        for more in ((), ("--check-config",)):
            done = subprocess.run(self.agent.command(*more), capture_output=True, text=True,
                                  timeout=10, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("%s:3: [freeze] deadline: 'soon' is no duration" % self.agent.config,
                          done.stderr)
            self.assertIn("60s", done.stderr)

    def check_config(self, *more):
        return subprocess.run(self.agent.command("--check-config", *more), capture_output=True,
                              text=True, timeout=10, check=False)

    def test_check_config_of_what_is_right(self):
        hook = self.agent.hook("20-app", "exit 1\n")
        os.symlink("/dev/null", os.path.join(self.agent.hooks, "30-masked"))
        self.agent.hook("40-away.hook", "[Hook]\nExec=/nowhere\nConditionPathExists=/nowhere\n")
        self.agent.hook("README", "")
        done = self.check_config()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for text in (self.agent.config + ": right\n", hook + ": right\n", "30-masked: masked\n",
                     "40-away.hook: right, but not in use: /nowhere does not exist\n",
                     "README: ignored: "):
            self.assertIn(text, done.stdout)
        self.assertTrue(done.stdout.endswith("The configuration is right.\n"))
        self.assertFalse(os.path.exists(self.agent.run))

    def test_check_config_tells_all_hook_files_that_are_wrong(self):
        wrong = {
            "[Hook]\nExec=/bin/true\nTipe=session\n": ":3: [Hook] Tipe: unknown key; this group "
                                                       "knows ",
            "[Hook]\nExec=/bin/true\n[Hock]\n": ":3: [Hock] unknown group; known are [Hook]",
            "[Hook]\nExec=true\n": ":2: [Hook] Exec: 'true' is no absolute path",
            "[Hook]\n\nType=daemon\nExec=/bin/true\n": ":3: [Hook] Type: 'daemon' is no kind of "
                                                       "hook; right are oneshot and session",
            "[Hook]\nExec=/bin/true\nFreezeTimeout=soon\n": ":3: [Hook] FreezeTimeout: 'soon' is "
                                                             "no duration: write a number with",
            "[Hook]\nExec=/bin/true\nwhat is this\n": ":3: expected [group], key=value",
        }
        for number, text in enumerate(wrong):
            self.agent.hook("%d-wrong.hook" % (number + 10), text)
        done = self.check_config()
        self.assertEqual(done.returncode, 1)
        for number, text in enumerate(wrong.values()):
            path = os.path.join(self.agent.hooks, "%d-wrong.hook" % (number + 10))
            self.assertIn(path + text, done.stderr)
        self.assertNotIn("The configuration is right.", done.stdout)
        self.assertEqual(self.check_config("-F/nowhere/hook").returncode, 1)

    def test_configuration_errors_name_file_line_key_and_what_is_right(self):
        for text, said in (
                ("[agent]\n\nmetod=unix-listen\n", ":3: [agent] metod: unknown key; this group "
                                                    "knows method, "),
                ("[frieze]\n", ":1: [frieze] unknown group; known are [agent] [freeze] [policy] "),
                ("[policy]\nprofile=all\n", ":2: [policy] profile: 'all' is none of full, "
                                            "snapshot, inspect, none"),
                ("[freeze]\nparallel=100\n", ":2: [freeze] parallel: '100' is no whole number from "
                                             "1 to 64"),
                ("[freeze]\npresync=perhaps\n", ":2: [freeze] presync: 'perhaps' is neither true "
                                                "nor false"),
                ("[freeze]\ndeadline 5s\n", ":2: expected [group], key=value"),
                ("[freeze]\n[a\x01b]\n", ":2: "),
                ("deadline=5s\n", ":1: expected [group]"),
                ("[agent]\nlogfile=a\\qb\n", ":2: [agent] logfile: ")):
            self.agent.configure(text)
            done = self.check_config()
            self.assertEqual(done.returncode, 1, text)
            self.assertIn(self.agent.config + said, done.stderr)
        with open(self.agent.config, "wb") as file:
            file.write(b"[agent]\nlogfile=\xff\n")
        self.assertIn("not a text file in UTF-8", self.check_config().stderr)

    def test_the_log_tells_commands_but_not_their_arguments(self):
        host = self.start()
        host.value("guest-sync", {"id": 123456789})
        self.assertIn("audit: guest-sync: ok", self.agent.log_text())
        self.assertNotIn("123456789", self.agent.log_text())


if __name__ == "__main__":
    main()
