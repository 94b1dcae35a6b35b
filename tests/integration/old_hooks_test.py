#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hook of qemu-ga (-F) with the real agent: Debian's own dispatcher script, taken out of its package,
with scripts in its fsfreeze-hook.d; and scripts of one's own that fail, hang, or leave a helper behind."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import debian_package  # noqa: E402
from harness import AgentTest, alive, main, need_loop_devices, wait_for  # noqa: E402

LOG = pathlib.Path("/var/log/qga-fsfreeze-hook.log")  # where the dispatcher writes


class OldHook(AgentTest):
    def setUp(self):
        super().setUp()
        self.volume = self.mount("ext4")
        self.folder = pathlib.Path(self.directory) / "qemu"
        self.folder.mkdir()
        self.script = self.folder / "fsfreeze-hook"
        self.calls = pathlib.Path(self.directory) / "calls"
        self.agent.options += [f"--fsfreeze-hook={self.script}"]

    def write(self, path, text):
        path.write_text("#!/bin/sh\n" + text, encoding="ascii")
        path.chmod(0o755)

    def freeze(self, host):
        return host.ask("guest-fsfreeze-freeze-list", {"mountpoints": [self.volume.path]}, 30)

    def called(self):
        return self.calls.read_text().splitlines()


class Dispatcher(OldHook):
    @classmethod
    def setUpClass(cls):
        packages = tempfile.mkdtemp(prefix="frostline-packages-")
        cls.addClassCleanup(shutil.rmtree, packages, ignore_errors=True)
        cls.root = pathlib.Path(debian_package.unpacked(packages, "qemu-guest-agent"))

    def setUp(self):
        super().setUp()
        shutil.copy(self.root / "etc/qemu/fsfreeze-hook", self.script)
        self.scripts = self.folder / "fsfreeze-hook.d"
        self.scripts.mkdir()
        if not LOG.exists():
            self.addCleanup(LOG.unlink, missing_ok=True)

    def test_scripts_are_called_around_the_freeze(self):
        for name in ("one", "two"):
            self.write(self.scripts / name, f"echo {name} $1 >>{self.calls}\n")
        self.write(self.scripts / "three.orig", f"echo three $1 >>{self.calls}\n")
        host = self.start()
        self.assertEqual(self.freeze(host), {"return": 1})
        self.assertEqual(self.called(), ["one freeze", "two freeze"])
        self.assertEqual(host.value("guest-fsfreeze-thaw"), 1)
        wait_for(lambda: len(self.called()) == 4, "the calls after the thaw")
        self.assertEqual(self.called()[2:], ["one thaw", "two thaw"])

    def test_it_is_outermost(self):
        self.write(self.scripts / "old", f"echo old $1 >>{self.calls}\n")
        for name in ("00-first", "99-last"):
            self.agent.hook(name, f"echo {name} $1 >>{self.calls}\n")
        host = self.start()
        self.assertEqual(self.freeze(host), {"return": 1})
        host.value("frostline-thaw")
        self.assertEqual(self.called(), ["old freeze", "00-first freeze", "99-last freeze",
                                         "99-last thaw", "00-first thaw", "old thaw"])

    def test_a_script_that_hangs_is_ended_with_all_of_it(self):
        pid = pathlib.Path(self.directory) / "pid"
        self.write(self.scripts / "stuck", f"[ $1 = thaw ] || {{ echo $$ >{pid}; exec sleep 100; }}\n"
                   f"echo $1 >>{self.calls}\n")
        host = self.start()
        began = time.monotonic()
        told = self.freeze(host)["error"]["desc"]
        self.assertLess(time.monotonic() - began, 14)
        self.assertRegex(told, "fsfreeze-hook.*did not end within 10.*s")
        wait_for(lambda: not alive(int(pid.read_text())), "the end of the script")
        wait_for(self.calls.exists, "its thaw")
        self.assertEqual(self.called(), ["thaw"])
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")


class OwnScript(OldHook):
    def test_one_that_fails_calls_the_freeze_off_with_its_reason(self):
        self.write(self.script, f"echo $1 >>{self.calls}; [ $1 = thaw ] && exit 0; echo no room left >&2; exit 3\n")
        host = self.start()
        told = self.freeze(host)["error"]["desc"]
        self.assertRegex(told, "fsfreeze-hook.*exit status 3.*no room left")
        wait_for(lambda: self.called() == ["freeze", "thaw"], "its thaw")
        self.assertEqual(host.value("guest-fsfreeze-status"), "thawed")

    def test_a_helper_in_the_background_lives_until_the_thaw(self):
        pid = pathlib.Path(self.directory) / "pid"
        self.write(self.script, f"case $1 in freeze) sleep 100 >/dev/null 2>&1 & echo $! >{pid};;"
                   f" thaw) kill $(cat {pid});; esac\n")
        host = self.start()
        self.assertEqual(self.freeze(host), {"return": 1})
        helper = int(pid.read_text())
        self.addCleanup(lambda: alive(helper) and os.kill(helper, signal.SIGKILL))
        time.sleep(0.5)
        self.assertTrue(alive(helper))
        host.value("frostline-thaw")
        wait_for(lambda: not alive(helper), "the end of the helper")

    def test_one_that_is_not_there_fails_the_freeze_by_name(self):
        host = self.start()
        self.assertIn(str(self.script), self.freeze(host)["error"]["desc"])

    def test_one_that_others_may_write_is_refused(self):
        self.write(self.script, f"echo $1 >>{self.calls}\n")
        self.script.chmod(0o777)
        host = self.start()
        self.assertIn("writable by group or others", self.freeze(host)["error"]["desc"])
        self.assertFalse(self.calls.exists())


if __name__ == "__main__":
    need_loop_devices()
    main()
