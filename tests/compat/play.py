#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays conversations.json to a real qemu-ga and to ours, and compares the replies.

A conversation that differs must be named by a row of rows.json ("play") whose verdict is not "same";
any other difference fails. Nothing is frozen, trimmed, shut down or set: commands that do it are sent
only to a second pair of agents, which run without any right to do it, so that both tell how it failed;
in the first pair they are blocked besides.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("integration", "support")]
sys.dont_write_bytecode = True

import harness  # noqa: E402
import make_page  # noqa: E402
import qemu_ga  # noqa: E402

BASELINE = (10, 0)  # the qemu-ga that the rows compare with
NOBODY = 65534
NO_RIGHTS = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups",
             "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def load(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return json.load(file)


def merge(one, other):
    """A shape that has what either has."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: merge(one.get(name), other.get(name)) for name in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list) and one and other and (
            isinstance(one[0], dict) and isinstance(other[0], dict)):
        return [merge(one[0], other[0])]
    return one or other


def shape(value):
    """The same for two values that differ only in what changes by itself."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(element, dict) for element in value):
            merged = {}
            for element in value:
                merged = merge(merged, shape(element))
            return [merged]
        return sorted({json.dumps(shape(element)) for element in value})
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else value


def in_order(value):
    return json.dumps(value, sort_keys=True)


def without(value, names):
    if isinstance(value, dict):
        return {name: without(member, names) for name, member in value.items() if name not in names}
    return [without(element, names) for element in value] if isinstance(value, list) else value


def comparable(reply, step):
    reply = without(reply, step.get("newer", []))
    how = step.get("compare", "exact")
    if how == "types" and "return" in reply:
        return dict(reply, **{"return": shape(reply["return"])})
    if how == "any-order" and isinstance(reply.get("return"), list):
        return dict(reply, **{"return": sorted(reply["return"], key=in_order)})
    return reply


class Player:
    """One agent in a folder of its own."""

    def __init__(self, name, folder, command):
        self.name = name
        self.folder = folder
        self.path = os.path.join(folder, "socket")
        self.log = open(os.path.join(folder, "log"), "wb")
        self.process = subprocess.Popen(
            command, cwd=os.path.join(folder, "work"), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log,
            env=dict(os.environ, QGA_CONF=os.path.join(folder, "conf")))
        self.host = None
        self.marker = 0

    def connect(self):
        harness.wait_for(
            lambda: self.process.poll() is not None or harness.can_connect(self.path),
            "the socket of " + self.name)
        self.host = harness.Connection(self.path)

    def raw(self, text):
        """All that is answered to these bytes."""
        self.marker += 1
        self.host.send(text.encode("latin-1") + b"\n")
        self.host.send('\n{"execute": "guest-sync", "arguments": {"id": %d}}\n' % self.marker)
        replies = []
        while True:
            reply = self.read()
            if reply == {"return": self.marker}:
                return replies
            replies.append(reply)

    def play(self, steps):
        replies, pid = [], None
        for step in steps:
            if "raw" in step:
                replies += self.raw(step["raw"])
                continue
            request = {name: step[name] for name in ("execute", "arguments", "id") if name in step}
            if request.get("arguments", {}).get("pid") == "$pid":
                request["arguments"] = {"pid": pid}
            reply = self.settled(request)
            if step["execute"] == "guest-exec" and "return" in reply:
                pid = reply["return"]["pid"]
            replies.append(comparable(reply, step))
        return replies

    def settled(self, request):
        """The reply, for guest-exec-status the one that comes once the program has ended."""
        def ended():
            reply = self.ask(request)
            running = reply.get("return", {}) if request["execute"] == "guest-exec-status" else {}
            return None if running.get("exited") is False else reply

        return harness.wait_for(ended, "the end of a program of " + self.name)

    def ask(self, request):
        self.host.send(json.dumps(request) + "\n")
        return self.read()

    def read(self):
        line = self.host.read_line()
        if line is None:
            raise EOFError("%s closed the connection" % self.name)
        try:
            return json.loads(line)
        except ValueError:
            return {"no JSON": line.decode("latin-1")}

    def stop(self):
        if self.host:
            self.host.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def commands_in(conversations):
    return {step["execute"] for talk in conversations for step in talk["steps"] if "execute" in step}


def faults_of(document):
    """Commands that no conversation plays, or that must not be sent."""
    with open(make_page.ORDER, encoding="utf-8") as file:
        commands = [name for name in make_page.commands_of(file.read()) if name.startswith("guest-")]
    sent = commands_in(document["conversations"])
    refused = commands_in(document["without-rights"])
    never = set(document["never"])
    return (["%s is not played" % name for name in commands if name not in sent | refused]
            + ["%s must not be sent" % name for name in sorted(sent & never)])


def expected_differences():
    rows = [row for family in load("rows.json")["families"] for row in family["rows"]]
    return {name for row in rows if row["verdict"] != "same" for name in row.get("play", [])}


def missing_there(replies):
    return any(reply.get("error", {}).get("class") == "CommandNotFound"
               and reply["error"]["desc"].startswith("The command guest-") for reply in replies)


def version_of(program):
    """As numbers; what an unknown form has is none."""
    done = subprocess.run([program, "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    return tuple(int(number) for number in found.groups()) if found else (0, 0)


def show(their, our):
    """The first replies that differ."""
    shown = 0
    for number in range(max(len(their), len(our))):
        pair = [in_order(side[number]) if number < len(side) else "nothing" for side in (their, our)]
        if pair[0] == pair[1]:
            continue
        if shown == 3:
            print("  and more")
            return
        shown += 1
        print("  qemu-ga:   %s\n  frostline: %s" % tuple(text[:600] for text in pair))


def compare(conversations, version, theirs, ours):
    """How many conversations differ although no row says so."""
    expected = expected_differences()
    surprises = 0
    for talk in conversations:
        their, our = theirs.play(talk["steps"]), ours.play(talk["steps"])
        if their == our:
            if talk["name"] in expected:
                print("no difference any more: %s" % talk["name"])
            continue
        if missing_there(their) and not missing_there(our):
            print("not in that qemu-ga: %s" % talk["name"])
            continue
        if "older" in talk and version < BASELINE:
            print("different, by its age: %s (%s)" % (talk["name"], talk["older"]))
            continue
        surprise = talk["name"] not in expected
        surprises += surprise
        print("%s: %s" % ("DIFFERENT" if surprise else "different, as its row says", talk["name"]))
        show(their, our)
    print("%d conversations, %d surprises" % (len(conversations), surprises))
    return surprises


def prepared(folder, name, program, options):
    """The folder and the command of one agent."""
    own = os.path.join(folder, name)
    for part in ("work", "state", "hooks"):
        os.makedirs(os.path.join(own, part))
    common = ["-m", "unix-listen", "-p", os.path.join(own, "socket"),
              "-t", os.path.join(own, "state"), *options]
    config = os.path.join(own, "conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write("[general]\n" if name == "qemu-ga" else "")
    return own, [program, *common] if name == "qemu-ga" else [
        program, "-c", config, "--hooks-dir", os.path.join(own, "hooks"),
        "--guard-program", os.path.join(os.path.dirname(program), "frostline-guard"), *common]


def has_no_rights(player):
    with open("/proc/%d/status" % player.process.pid, encoding="ascii") as file:
        status = file.read()
    uids = re.search(r"^Uid:\s+(.*)$", status, re.M).group(1).split()
    return set(uids) == {str(NOBODY)} and int(re.search(r"CapEff:\s+(\w+)", status).group(1), 16) == 0


def play(conversations, version, programs, folder, options=(), without_rights=False):
    """The surprises of one pair of agents."""
    running = []
    try:
        for name, program in programs.items():
            own, command = prepared(folder, name, program, options)
            if without_rights:
                for path, _, _ in os.walk(own):
                    os.chown(path, NOBODY, NOBODY)
                command = NO_RIGHTS + command
            running.append(Player(name, own, command))
            running[-1].connect()
            if without_rights and not has_no_rights(running[-1]):
                raise RuntimeError("%s has rights that it must not have" % name)
        return compare(conversations, version, *running)
    finally:
        for player in running:
            player.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", default=os.environ.get("QEMU_GA"),
                        help="the other agent; by default $QEMU_GA, else Debian's, downloaded "
                             "and unpacked")
    options = parser.parse_args()
    document = load("conversations.json")
    found = faults_of(document)
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        return 1
    with tempfile.TemporaryDirectory() as folder:
        try:
            against = options.against or qemu_ga.unpacked(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            print("skipped: no qemu-ga to compare with; name one by --against: %s" % error)
            return 77
        os.chmod(folder, 0o755)
        # Copies: those without rights may not reach a build below somebody's home.
        programs = {"qemu-ga": shutil.copy(against, os.path.join(folder, "theirs")),
                    "frostline": shutil.copy(harness.AGENT, folder)}
        shutil.copy(harness.GUARD, folder)
        version = version_of(against)
        parts = {name: os.path.join(folder, name) for name in ("blocked", "refused")}
        surprises = play(document["conversations"], version, programs, parts["blocked"],
                         ["-b", ",".join(document["never"])])
        surprises += play(document["without-rights"], version, programs, parts["refused"],
                          without_rights=True)
        return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
