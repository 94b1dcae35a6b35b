# SPDX-License-Identifier: Apache-2.0
"""Runs VM tests: run_tests.py [MODULE[.CLASS[.TEST]]]...; without arguments, all of them.

Environment: FROSTLINE_BUILD, FROSTLINE_LAB, FROSTLINE_LAB_ACCEL, FROSTLINE_LAB_KEEP
(docs/testing.md). Exit status 77: no guest can run here, and why.
"""

import signal
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent
LAST = "test_shutdown_while_frozen"  # ends the guest that the others share
sys.path.insert(0, str(HERE))

from lab import fixture  # noqa: E402  (after the path is set)


def stop(number, frame):
    """Ends like Ctrl-C, the one exception that no test swallows; so guests and folders go away."""
    raise KeyboardInterrupt(f"signal {number}")


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    reason = fixture.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 77
    names = sys.argv[1:] or sorted(
        (path.stem for path in HERE.glob("test_*.py")), key=lambda name: (name == LAST, name))
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    try:
        result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
