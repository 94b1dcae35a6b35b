# SPDX-License-Identifier: Apache-2.0
"""Runs VM tests: run_tests.py [MODULE[.CLASS[.TEST]]]...; without arguments, all of them.

Environment: FROSTLINE_BUILD, FROSTLINE_LAB, FROSTLINE_LAB_ACCEL, FROSTLINE_LAB_KEEP
(docs/testing.md). Exit status 77: no guest can run here, and why.
"""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from lab import fixture  # noqa: E402  (after the path is set)


def main():
    reason = fixture.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 77
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("test_*.py"))
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
