# SPDX-License-Identifier: Apache-2.0
"""The demo: a guest, its snapshot under load, and a second guest that proves it good."""

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
import time

from lab.programs import Programs
from lab.run import LabError, need_space, tail
from lab.scenario import SNAPSHOT, Scenario


class Story:
    """Prints each step when it starts and how long it took when it is done."""

    def __init__(self, began):
        self._began = began

    def elapsed(self):
        return time.monotonic() - self._began

    @contextlib.contextmanager
    def step(self, text):
        print(f"[{self.elapsed():5.1f} s] {text}", flush=True)
        started = self.elapsed()
        yield
        self.note(f"done in {self.elapsed() - started:.1f} s")

    def note(self, text):
        for line in text.rstrip().splitlines():
            print(f"          {line}", flush=True)


def tell(story, scenario):
    """Goes the whole way; returns the findings."""
    with story.step("starting a guest: Debian 12, PostgreSQL, frostline-agent"):
        scenario.start_first()
        first = scenario.first
        story.note(scenario.programs.frostline_ok(first, "ping").output)
    with story.step("starting a steady stream of committed, numbered transactions"):
        first.start_writer()
        first.acks.wait_more(500, 120)
        story.note(f"{len(first.acks.all())} transactions acknowledged so far")
    with story.step("taking the snapshot of all three disks: frostline snapshot --overlay"):
        run, description = scenario.take_snapshot()
        story.note(run.output)
        report = description["report"]
    with story.step("letting the first guest work on"):
        first.acks.wait_more(300, 120)
        acknowledged = scenario.acknowledged(report)
        story.note(f"{sum(acknowledged.values())} transactions were acknowledged before the "
                   f"freeze, {len(first.acks.all())} by now")
        scenario.stop_first()
    with story.step("looking at the snapshot's disks before anything mounts them"):
        findings = scenario.look_at_disks()
        show(story, findings)
    with story.step("starting a second guest from the snapshot"):
        scenario.start_second()
    with story.step("looking at what the second guest has"):
        for finding in scenario.look_inside(acknowledged):
            findings.append(finding)
            show(story, [finding])
    story.note(f"the guest was frozen for {report['frozen-us'] / 1000:.1f} ms")
    return findings


def show(story, findings):
    for finding in findings:
        first, *rest = finding.detail.splitlines() or [""]
        story.note(f"{'ok ' if finding.good else 'BAD'}  {finding.what}: {first}")
        story.note(tail("\n".join(rest)))


def main():
    parser = argparse.ArgumentParser(prog="demo", add_help=False)
    parser.add_argument("--build", default="build")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--began", type=float, default=0.0)
    options = parser.parse_args()
    # A terminated demo cleans up like one that ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)

    story = Story(time.monotonic() - options.began)
    folder = tempfile.mkdtemp(prefix="frostline-demo-", dir="/var/tmp")
    scenario = None
    try:
        need_space(folder, 2, "what the guests write")
        with story.step("preparing the guest's image"):
            scenario = Scenario(folder, Programs(options.build), story.note)
        findings = tell(story, scenario)
    except LabError as error:
        trouble = scenario.console_tail() if scenario else ""
        print(f"\ndemo: {error}\n{trouble}".rstrip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # nothing stops the cleaning up
        if scenario is not None:
            scenario.close()
        if options.keep:
            print(f"kept: {folder} (the snapshot is {SNAPSHOT}'s: first/*.qcow2)")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    bad = [finding for finding in findings if not finding.good]
    took = story.elapsed()
    if bad:
        print(f"\ndemo: {len(bad)} of {len(findings)} checks failed (after {took:.0f} s)")
        return 1
    print(f"\nThe snapshot is good: all {len(findings)} checks passed (after {took:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
