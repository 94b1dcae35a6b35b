# SPDX-License-Identifier: Apache-2.0
"""Looks at what a snapshot holds, before and after anything replays a journal."""

import re
from dataclasses import dataclass
from pathlib import Path

from .run import find_program, run

# How each disk of image.py is looked at.
KINDS = {"root": "ext4", "pgdata": "xfs", "pgwal": "ext4"}


@dataclass
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    detail: str


def flatten(images, folder):
    """Raw, sparse copies in `folder` of {disk: qcow2 file}; the images stay as they are."""
    copies = {}
    for disk, image in images.items():
        copies[disk] = Path(folder) / f"{disk}.raw"
        run("qemu-img", "convert", "-O", "raw", image, copies[disk])
    return copies


def journals(copies):
    """Whether the file systems in raw copies were at rest: nothing is left to replay."""
    return [_ext4_journal(disk, path) if KINDS[disk] == "ext4" else _xfs_log(disk, path)
            for disk, path in copies.items()]


def _ext4_journal(disk, path):
    header = run(find_program("dumpe2fs"), "-h", path)
    features = next(line for line in header.splitlines() if line.startswith("Filesystem features"))
    dirty = "needs_recovery" in features.split()
    return Finding(f"{disk} (ext4), journal", not dirty,
                   "needs recovery" if dirty else "nothing to replay")


def _xfs_log(disk, path):
    # A frozen xfs is marked dirty on purpose, by a transaction or two of the super block alone, so
    # that the next mount looks for orphaned inodes. Anything more was not at rest.
    printed = run(find_program("xfs_logprint"), "-t", path)
    if "state: <CLEAN>" in printed:
        return Finding(f"{disk} (xfs), log", True, "clean")
    transactions = len(re.findall(r"^TRANS:", printed, re.MULTILINE))
    items = len(re.findall(r"^[A-Z]{2,3}:? .*\bcnt:\d", printed, re.MULTILINE))
    super_blocks = len(re.findall(r"SUPER Block Buffer", printed))
    at_rest = 0 < transactions == items == super_blocks
    return Finding(f"{disk} (xfs), log", at_rest,
                   "only the super block's mark that a freeze leaves" if at_rest
                   else f"{transactions} transactions to replay")


def kernel_mounts(shell):
    """In a guest with the copies as its disks: the kernel replayed nothing when it mounted."""
    text = shell.check("dmesg | grep -iE 'EXT4-fs|XFS' || true")
    replayed = [line for line in text.splitlines()
                if re.search(r"EXT4-fs .*recovery complete", line)]
    mounted = len(re.findall(r"EXT4-fs \(\w+\): mounted", text))
    good = not replayed and mounted == 2
    return Finding("ext4 mounts in the second guest", good,
                   f"{mounted} mounted, nothing replayed" if good else text)


def database_start(shell):
    """PostgreSQL's log of its start on the copy: an ordinary crash recovery, and no complaint."""
    # Returns when the start that is under way has ended.
    shell.run("systemctl start postgresql@15-main", 120)
    log = shell.check("cat /var/log/postgresql/postgresql-15-main.log")
    last = log[log.rindex("starting PostgreSQL"):]
    bad = [line for line in last.splitlines()
           if re.search(r"\b(PANIC|FATAL|ERROR|corrupt|invalid page)\b", line)
           and not re.search(r"the database system is (starting up|not yet accepting)", line)]
    recovered = "redo done" in last or "redo is not required" in last
    ready = "database system is ready to accept connections" in last
    redo = re.search(r"redo done.*?elapsed: ([\d.]+ s)", last)
    detail = "crash recovery" + (f", redo took {redo.group(1)}" if redo else "") + ", ready"
    return Finding("PostgreSQL's start", not bad and recovered and ready,
                   "\n".join(bad) or (detail if recovered and ready else last))


def database_content(shell):
    """pg_amcheck over every table and index, all rows against all index entries."""
    answer = shell.run("runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_amcheck --heapallindexed postgres", 300)
    return Finding("pg_amcheck --heapallindexed", answer.status == 0 and not answer.output.strip(),
                   answer.output.strip() or "no complaint")


def records(shell, acknowledged):
    """The writer's table against {client: last number acknowledged before the freeze}."""
    rows = shell.check(
        "runuser -u postgres -- psql -XAtd postgres -F ' ' -c \"SELECT client, count(*), "
        "min(number), max(number), count(*) FILTER (WHERE checksum <> md5(payload)) "
        "FROM lab_records GROUP BY client ORDER BY client\"")
    found = {}
    problems = []
    for row in rows.splitlines():
        client, count, low, high, torn = (int(word) for word in row.split())
        found[client] = high
        if (low, high) != (1, count):
            problems.append(f"client {client}: {count} records, numbered {low} to {high}")
        if torn:
            problems.append(f"client {client}: {torn} records torn")
    for client, last in acknowledged.items():
        lost = last - found.get(client, 0)
        if lost > 0:
            problems.append(f"client {client}: {lost} of {last} acknowledged records lost")
    expected = sum(acknowledged.values())
    more = sum(found.values()) - expected
    if not expected:
        problems.append("nothing had been acknowledged, so nothing is proven")
    return Finding("acknowledged transactions", not problems,
                   "; ".join(problems) or f"all {expected} there, none lost, none torn; "
                                          f"{more} later ones too")


def deep_checks(shell):
    """With the second guest's databases stopped: full checks of its data file systems."""
    shell.check("systemctl stop lab-writer 'postgresql@*' postgresql; "
                "umount /srv/pgdata /srv/pgwal", 120)
    findings = []
    for what, command in (("xfs_repair -n, pgdata", "xfs_repair -n LABEL"),
                          ("e2fsck -fn, pgwal", "e2fsck -fn LABEL")):
        label = "lab-" + what.split()[-1]
        answer = shell.run(command.replace("LABEL", f"$(findfs LABEL={label})"), 300)
        findings.append(Finding(what, answer.status == 0,
                                "clean" if answer.status == 0 else answer.output))
    return findings
