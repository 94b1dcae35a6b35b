# SPDX-License-Identifier: Apache-2.0
"""MariaDB, Redis, etcd and SQLite with their data on virtio disks, written to by two clients each, in one
freeze with the hooks as they are shipped; started again in a guest made from the snapshot."""

import itertools
import time
from pathlib import Path

from lab import fixture, snapshot
from lab.guest import Guest, make_disks
from lab.run import LabError

TOOL = "/usr/lib/frostline-lab/databases"
KINDS = ("inno", "my", "redis", "etcd", "sqlite")
CLIENTS = (1, 2)
HOOKS = {"20-etcd", "30-sqlite", "60-mariadb", "60-redis"}
SETTINGS = {"mariadb": "SOCKET=/run/lab/mysqld.sock\n", "sqlite": "FILE=/srv/pgwal/lab.db\n"}


class Databases(fixture.GuestTest):
    def setUp(self):
        super().setUp()
        self.shell.check(f"{TOOL}.sh make", 300)
        self.addCleanup(self.shell.run, f"{TOOL}.sh remove", 60)
        for name, text in SETTINGS.items():
            self.put(f"/etc/frostline/hooks/{name}.conf", text)

    def start_writers(self):
        for kind, client in itertools.product(KINDS, CLIENTS):
            self.shell.check(f"systemd-run --quiet --unit=lab-write-{kind}-{client} {TOOL}.pl {kind}"
                             f" c{client} /run/lab/{kind}-{client}.ack")
        self.addCleanup(self.shell.run, "systemctl stop 'lab-write-*'")
        self.wait_more({}, 20)

    def acknowledged(self):
        """{(kind, client): the last row that its server has acknowledged}."""
        told = self.shell.check("cd /run/lab; grep -H . *.ack || true")
        found = {}
        for line in told.splitlines():
            name, number = line.split(".ack:")
            kind, client = name.split("-")
            found[kind, int(client)] = int(number)
        return found

    def wait_more(self, than, rows, limit=120):
        until = time.monotonic() + limit
        while True:
            now = self.acknowledged()
            late = [who for who in itertools.product(KINDS, CLIENTS)
                    if now.get(who, 0) < than.get(who, 0) + rows]
            if not late:
                return now
            if time.monotonic() > until:
                kind, client = late[0]
                log = self.shell.run(f"journalctl --no-pager -n 20 -u lab-write-{kind}-{client}").output
                raise LabError(f"these do not write: {late}\n{log}")
            time.sleep(0.2)

    def start_second(self, images):
        folder = fixture.make_folder("databases")
        second = Guest(self.guest.image, folder, make_disks(folder, images))
        self.addCleanup(second.stop)
        second.start()
        second.wait_shell()
        second.shell.check(f"{TOOL}.sh start", 300)
        return second.shell

    def test_everything_acknowledged_is_in_a_snapshot_of_the_disks(self):
        self.start_writers()
        client = self.qga()
        before = self.acknowledged()
        client.command("frostline-freeze", deadline_ms=120000, limit=120)
        images = snapshot.switch_disks(self.guest, "databases")
        report = client.command("frostline-thaw", 100)
        self.wait_more(self.acknowledged(), 5)  # nobody is held any longer
        self.assertEqual(report["outcome"], "consistent", report)
        self.assertEqual({row["name"] for row in report["hooks"] if row["result"] == "done"} & HOOKS,
                         HOOKS, report["hooks"])
        said = {name: "".join(row.get("stdout", "") for row in report["hooks"] if row["name"] == name)
                for name in HOOKS}
        self.assertRegex(said["60-mariadb"], r"binlog\.\d+\t\d+")
        self.assertIn("saved", said["60-redis"])
        shell = self.start_second({disk: Path(image) for disk, image in images.items()})
        for (kind, client), number in before.items():
            with self.subTest(kind=kind, client=client):
                there = int(shell.check(f"{TOOL}.pl {kind} c{client}", 120))
                self.assertGreaterEqual(there, number)
