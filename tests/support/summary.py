#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the test logs of meson and prints one closing line: N passed, N failed, N skipped.

Fails when something failed or nothing ran; in CI (CI=true) also when something was skipped,
since a skipped test there hides that the machine lacks what the project's scripts install. What no
script can install, loop devices, excuses a skipped test also there.
"""

import glob
import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def results(folders):
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "testlog-*.json"))):
            with open(path, encoding="utf-8") as log:
                for line in log:
                    entry = json.loads(line)
                    yield entry["name"], entry["result"], entry.get("stdout", "")


def reason(output):
    """What a skipped test said: the first line that begins with "skipped:"."""
    for line in output.splitlines():
        if line.startswith("skipped:"):
            return line.removeprefix("skipped:").strip()
    return ""


def main():
    passed, failed, skipped = [], [], []
    for name, result, output in results(sys.argv[1:]):
        if result in PASSED:
            passed.append(name)
        elif result == "SKIP":
            why = reason(output)
            skipped.append(f"{name}: {why}" if why else name)
        else:
            failed.append(name)
    for title, names in (("failed", failed), ("skipped", skipped)):
        for name in names:
            print(f"{title}: {name}")
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    strict = os.environ.get("CI") == "true" and os.path.exists("/dev/loop-control")
    return 1 if failed or not passed or (strict and skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
