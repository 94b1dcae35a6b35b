#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Passwords and SSH keys through the real agent, on a copy of /etc with users of our own."""

import base64
import os
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import private_mounts  # noqa: E402
from harness import AgentTest, main, need_root, wait_for  # noqa: E402

ANNA = 47110  # user and group ids that no machine has
BOB = 47111
STAFF = 47112
KEY1 = "algo key1 comments"
KEY2 = "algo key2 comments"


class AccountTest(AgentTest):
    """Users anna (in the group staff-47112) and bob, homes on tmpfs, /etc a copy."""

    def setUp(self):
        super().setUp()
        self.homes = os.path.join(self.directory, "home")
        os.mkdir(self.homes, 0o755)
        etc = os.path.join(self.directory, "etc")
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
        os.chmod(etc, 0o755)
        for name in ("passwd", "group", "shadow"):
            owner = os.stat("/etc/" + name)
            os.chown(os.path.join(etc, name), owner.st_uid, owner.st_gid)
        self.append(etc, "passwd", "".join(
            "%s:x:%d:%d::%s/%s:/bin/sh\n" % (name, number, number, self.homes, name)
            for name, number in (("anna", ANNA), ("bob", BOB))))
        self.append(etc, "group", "anna:x:%d:\nbob:x:%d:\nstaff-%d:x:%d:anna\n" % (
            ANNA, BOB, STAFF, STAFF))
        self.append(etc, "shadow", "anna:!:19000:0:99999:7:::\nbob:!:19000:0:99999:7:::\n")
        for name, number in (("anna", ANNA), ("bob", BOB)):
            os.mkdir(os.path.join(self.homes, name), 0o755)
            os.chown(os.path.join(self.homes, name), number, number)
        self.etc = private_mounts.Over(etc, "/etc")
        self.addCleanup(self.etc.remove)
        self.host = self.start()

    @staticmethod
    def append(folder, name, text):
        with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
            file.write(text)

    def path(self, *parts, user="anna"):
        return os.path.join(self.homes, user, *parts)

    def keys_path(self, user="anna"):
        return self.path(".ssh", "authorized_keys", user=user)

    def add(self, keys, user="anna", **more):
        return self.host.ask("guest-ssh-add-authorized-keys",
                             dict(more, username=user, keys=keys))

    def remove(self, keys, user="anna"):
        return self.host.ask("guest-ssh-remove-authorized-keys", {"username": user, "keys": keys})

    def get(self, user="anna"):
        return self.host.ask("guest-ssh-get-authorized-keys", {"username": user})

    def assert_ok(self, reply):
        self.assertEqual(reply, {"return": {}})

    def assert_file(self, text, user="anna"):
        with open(self.keys_path(user), encoding="utf-8", newline="") as file:
            self.assertEqual(file.read(), text)

    def write_keys(self, text, mode=0o600):
        """The user's file as the user would have made it."""
        self.make_folder()
        with open(self.keys_path(), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.keys_path(), mode)
        os.chown(self.keys_path(), ANNA, ANNA)

    def make_folder(self):
        if not os.path.isdir(self.path(".ssh")):
            os.mkdir(self.path(".ssh"), 0o700)
            os.chown(self.path(".ssh"), ANNA, ANNA)

    def secret(self, *, mode=0o600, text="algo rootkey root\n"):
        """A file of root's, outside every home."""
        path = os.path.join(self.directory, "secret")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


class UpstreamCases(AccountTest):
    """qemu-ga's own cases; where ours writes a final line feed, it says so in compatibility.md."""

    def test_invalid_user(self):
        self.assert_error(self.add([KEY1], user=""), "failed to lookup user '': no such user")
        self.assert_error(self.remove([KEY1], user=""), "failed to lookup user ''")
        self.assert_error(self.get(user="nobody-47113"),
                          "failed to lookup user 'nobody-47113': no such user")

    def test_invalid_key(self):
        for key in ("algo key\nalgo other", "#algo key", "algo\0key"):
            self.assert_error(self.add([KEY1, key]), "invalid OpenSSH public key: '")
            self.assert_error(self.remove([key]), "invalid OpenSSH public key: '")
        self.assertFalse(os.path.exists(self.path(".ssh")))
        # The key is looked at before the user.
        self.assert_error(self.add(["#"], user=""), "invalid OpenSSH public key: '#'")

    def test_add_keys(self):
        self.assert_ok(self.add([KEY2]))
        self.assert_file(KEY2 + "\n")
        self.assert_ok(self.add([KEY1, KEY2]))
        self.assert_file(KEY2 + "\n" + KEY1 + "\n")

    def test_add_reset_keys(self):
        self.assert_ok(self.add([KEY1, KEY2], reset=False))
        self.assert_file(KEY1 + "\n" + KEY2 + "\n")
        self.assert_ok(self.add([KEY2], reset=True))
        self.assert_file(KEY2 + "\n")
        self.assert_ok(self.add([], reset=True))
        self.assert_file("")

    def test_remove_keys(self):
        text = KEY1 + "\n# a commented line\n" + KEY1 + "\nalgo some-key another\n"
        self.write_keys(text)
        self.assert_ok(self.remove(["algo no-such-key"]))
        self.assert_file(text)
        self.assert_ok(self.remove([KEY1, KEY2]))
        self.assert_file("# a commented line\nalgo some-key another\n")

    def test_get_keys(self):
        self.write_keys(KEY1 + "\n# a commented line\n\n" + KEY2 + "\n")
        self.assertEqual(self.get(), {"return": {"keys": [KEY1, KEY2]}})


class Files(AccountTest):
    def test_owner_and_modes_of_what_is_made(self):
        self.assert_ok(self.add([KEY1]))
        for path, mode in ((self.path(".ssh"), 0o700), (self.keys_path(), 0o600)):
            status = os.lstat(path)
            self.assertEqual((status.st_uid, status.st_gid), (ANNA, ANNA))
            self.assertEqual(stat.S_IMODE(status.st_mode), mode)
        self.assertEqual(os.listdir(self.path(".ssh")), ["authorized_keys"])

    def test_owner_in_a_home_that_passes_its_group_on(self):
        os.chown(self.path(), ANNA, STAFF)
        os.chmod(self.path(), 0o2755)
        self.assert_ok(self.add([KEY1]))
        for path in (self.path(".ssh"), self.keys_path()):
            self.assertEqual(os.stat(path).st_gid, ANNA)

    def test_mode_of_a_file_that_was_there(self):
        self.write_keys(KEY1 + "\n", mode=0o644)
        self.assert_ok(self.add([KEY2]))
        self.assertEqual(stat.S_IMODE(os.stat(self.keys_path()).st_mode), 0o600)

    def test_missing_file(self):
        path = self.keys_path()
        reply = self.get()
        self.assertEqual(reply["error"]["desc"],
                         "failed to read '%s': Failed to open file “%s”: No such file or "
                         "directory" % (path, path))
        self.assert_ok(self.remove([KEY1]))
        self.assertFalse(os.path.exists(self.path(".ssh")))

    def test_missing_home(self):
        os.rmdir(self.path())
        self.assert_error(self.add([KEY1]), "failed to create directory '%s': No such file or "
                                            "directory" % self.path(".ssh"))

    def test_a_blank_key_is_no_key(self):
        self.assert_ok(self.add([KEY1, "", "  "]))
        self.assert_file(KEY1 + "\n")

    def test_windows_lines(self):
        self.write_keys(KEY1 + "\r\n" + KEY2 + "\r\n")
        self.assertEqual(self.get(), {"return": {"keys": [KEY1, KEY2]}})
        self.assert_ok(self.add([KEY2]))
        self.assert_ok(self.remove([KEY1]))
        self.assert_file(KEY2 + "\r\n")

    def test_no_regular_file(self):
        self.make_folder()
        os.mkfifo(self.keys_path())
        os.chown(self.keys_path(), ANNA, ANNA)
        self.assert_error(self.get(), "it is not a regular file")
        self.assert_error(self.add([KEY1]), "it is not a regular file")
        os.unlink(self.keys_path())
        os.mkdir(self.keys_path())
        self.assert_error(self.get(), "it is not a regular file")
        self.assert_error(self.add([KEY1], reset=True), "failed to write to '")
        self.assertEqual(os.listdir(self.path(".ssh")), ["authorized_keys"])

    def test_huge_file(self):
        self.write_keys("x" * (1 << 20) + "\n")
        self.assert_error(self.get(), "it is larger than 1 MiB")
        self.assert_error(self.add([KEY1]), "it is larger than 1 MiB")
        self.write_keys("algo " + "x" * (1 << 19) + "\n")
        self.assertEqual(len(self.host.value("guest-ssh-get-authorized-keys",
                                             {"username": "anna"})["keys"][0]), (1 << 19) + 5)

    def test_many_keys(self):
        keys = ["ssh-ed25519 AAAA%04d user@host" % number for number in range(2048)]
        self.assert_ok(self.add(keys))
        self.assertEqual(self.get()["return"]["keys"], keys)
        self.assert_ok(self.remove(keys[:2000]))
        self.assertEqual(self.get()["return"]["keys"], keys[2000:])


class PlantedLinks(AccountTest):
    """What a user plants in his home leads the agent nowhere that he could not go himself."""

    def assert_untouched(self, path, text, mode):
        status = os.lstat(path)
        self.assertEqual((status.st_uid, status.st_gid), (0, 0))
        self.assertEqual(stat.S_IMODE(status.st_mode), mode)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)

    def test_the_file_is_a_link_to_a_file_of_roots(self):
        self.make_folder()
        for path in (self.secret(), "/etc/shadow"):
            os.symlink(path, self.keys_path())
            with open(path, encoding="utf-8") as file:
                text = file.read()
            mode = stat.S_IMODE(os.stat(path).st_mode)
            owner = (os.stat(path).st_uid, os.stat(path).st_gid)
            for reply in (self.get(), self.add([KEY1]), self.remove([KEY1])):
                self.assert_error(reply, "Permission denied")
                self.assertNotIn("rootkey", str(reply))
            # This does not read the old file, and puts a new one in the link's place.
            self.assert_ok(self.add([KEY1], reset=True))
            self.assertTrue(stat.S_ISREG(os.lstat(self.keys_path()).st_mode))
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), text)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)
            self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), owner)
            os.unlink(self.keys_path())

    def test_the_folder_is_a_link_to_a_folder_of_roots(self):
        folder = os.path.join(self.directory, "root-ssh")
        os.mkdir(folder, 0o700)
        path = os.path.join(folder, "authorized_keys")
        with open(path, "w", encoding="utf-8") as file:
            file.write("algo rootkey root\n")
        os.chmod(path, 0o644)
        os.symlink(folder, self.path(".ssh"))
        for reply in (self.get(), self.add([KEY1]), self.add([KEY1], reset=True),
                      self.remove(["algo rootkey root"])):
            self.assert_error(reply, "Permission denied")
        os.chmod(folder, 0o755)  # now he may read it, and no more
        self.assertEqual(self.get(), {"return": {"keys": ["algo rootkey root"]}})
        for reply in (self.add([KEY1]), self.add([KEY1], reset=True),
                      self.remove(["algo rootkey root"])):
            self.assert_error(reply, "Permission denied")
        self.assert_untouched(path, "algo rootkey root\n", 0o644)
        self.assertEqual(os.listdir(folder), ["authorized_keys"])
        self.assertEqual(os.stat(folder).st_uid, 0)

    def test_the_file_is_a_hard_link_to_a_file_of_roots(self):
        self.make_folder()
        secret = self.secret()
        os.link(secret, self.keys_path())
        self.assert_error(self.get(), "Permission denied")
        self.assert_error(self.add([KEY1]), "Permission denied")
        self.assert_ok(self.add([KEY1], reset=True))
        self.assert_untouched(secret, "algo rootkey root\n", 0o600)
        os.unlink(self.keys_path())
        secret = self.secret(mode=0o644)
        os.link(secret, self.keys_path())
        self.assert_ok(self.add([KEY1]))  # read by his right, then replaced, not written
        self.assert_untouched(secret, "algo rootkey root\n", 0o644)
        self.assertEqual(os.stat(self.keys_path()).st_uid, ANNA)

    def test_links_that_the_user_may_follow_work(self):
        os.mkdir(self.path("elsewhere"), 0o700)
        os.chown(self.path("elsewhere"), ANNA, ANNA)
        os.symlink("elsewhere", self.path(".ssh"))
        self.assert_ok(self.add([KEY1]))
        self.assertEqual(self.get(), {"return": {"keys": [KEY1]}})
        self.assertEqual(os.listdir(self.path("elsewhere")), ["authorized_keys"])

    def test_the_users_groups_count_and_nobody_elses(self):
        shared = self.secret(mode=0o640, text=KEY1 + "\n")
        os.chown(shared, 0, STAFF)
        for user, number in (("anna", ANNA), ("bob", BOB)):
            os.mkdir(self.path(".ssh", user=user), 0o700)
            os.chown(self.path(".ssh", user=user), number, number)
            os.symlink(shared, self.keys_path(user))
        self.assertEqual(self.get(), {"return": {"keys": [KEY1]}})
        self.assert_error(self.get(user="bob"), "Permission denied")

    def test_another_users_home_is_closed(self):
        os.chmod(self.path(), 0o700)
        self.assert_ok(self.add([KEY1]))
        os.symlink(self.path(".ssh"), self.path(".ssh", user="bob"))
        self.assert_error(self.get(user="bob"), "Permission denied")
        self.assert_error(self.add([KEY2], user="bob"), "Permission denied")
        self.assert_file(KEY1 + "\n")

    def test_the_agent_stays_what_it_is(self):
        self.assert_ok(self.add([KEY1]))
        self.get()
        for task in os.listdir("/proc/%d/task" % self.agent.process.pid):
            with open("/proc/%d/task/%s/status" % (self.agent.process.pid, task),
                      encoding="ascii", errors="replace") as file:
                status = file.read()
            self.assertIn("Uid:\t0\t0\t0\t0\n", status)
            self.assertIn("Gid:\t0\t0\t0\t0\n", status)
        wait_for(lambda: not self.agent.children(), "the user's processes to be gone")


class Passwords(AccountTest):
    def set(self, password, user="anna", crypted=False):
        data = password if isinstance(password, bytes) else password.encode()
        return self.host.ask("guest-set-user-password", {
            "username": user, "password": base64.b64encode(data).decode(), "crypted": crypted})

    def hash_of(self, user="anna"):
        with open("/etc/shadow", encoding="utf-8") as file:
            for line in file:
                if line.startswith(user + ":"):
                    return line.split(":")[1]
        raise AssertionError("no entry for " + user)

    def opens(self, password, hashed):
        made = subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, hashed],
                              check=True, capture_output=True, text=True).stdout
        return made == hashed

    def test_a_password(self):
        self.assert_ok(self.set("correct: horse"))
        self.assertTrue(self.opens("correct: horse", self.hash_of()))
        self.assertEqual(self.hash_of("bob"), "!")
        self.assertNotIn("horse", self.agent.log_text())

    def test_a_hash(self):
        hashed = "$6$saltsalt$" + "x" * 86
        self.assert_ok(self.set(hashed, crypted=True))
        self.assertEqual(self.hash_of(), hashed)

    def test_base64_in_lines(self):
        data = base64.b64encode(b"pass" * 30).decode()
        lines = "\n".join(data[at:at + 76] for at in range(0, len(data), 76))
        self.assert_ok(self.host.ask("guest-set-user-password", {
            "username": "anna", "password": lines, "crypted": False}))
        self.assertTrue(self.opens("pass" * 30, self.hash_of()))

    def test_what_is_refused(self):
        self.assert_error(self.set("a\nb"), "forbidden characters in raw password")
        self.assert_error(self.set(b"cut\0here"), "forbidden characters in raw password")
        self.assert_error(self.set("pw", user="anna:x"), "forbidden characters in username")
        self.assert_error(self.set("pw", user="anna\nbob"), "forbidden characters in username")
        self.assert_error(self.host.ask("guest-set-user-password", {
            "username": "anna", "password": "!!", "crypted": False}),
            "Base64 data contains invalid characters")
        self.assertEqual(self.hash_of(), "!")

    def test_an_unknown_user_is_chpasswds_error(self):
        self.assert_error(self.set("pw", user="nobody-47113"),
                          "child process has failed to set user password: chpasswd: ")


if __name__ == "__main__":
    need_root()
    private_mounts.enter()
    main()
