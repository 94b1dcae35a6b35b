#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lint itself must be able to fail: each rule is broken once in a throw-away tree."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import arrows  # noqa: E402

LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"
HEADERS = (
    "common/result.hpp", "common/json/value.hpp", "agent/rpc/dispatcher.hpp",
    "agent/freeze/session.hpp", "agent/freeze/settings.hpp", "agent/hooks/quiescer.hpp",
    "agent/system/event_loop.hpp", "agent/commands/guest_file.hpp",
    "agent/commands/commands.hpp", "host/cli.hpp",
)


class ArrowsTest(unittest.TestCase):
    def complaints(self, path, body, licence=LICENCE):
        with tempfile.TemporaryDirectory() as root:
            for name in (*HEADERS, path):
                os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(licence + body if name == path else LICENCE)
            return list(arrows.check_file(root, path))

    def assert_fine(self, path, body):
        self.assertEqual(self.complaints(path, body), [])

    def assert_breach(self, path, body):
        self.assertEqual(len(self.complaints(path, body)), 1, body)

    def test_arrows_that_are_in_the_plan(self):
        self.assert_fine("agent/freeze/x.cpp", '#include "hooks/quiescer.hpp"\n')
        self.assert_fine("agent/commands/x.cpp", '#include "freeze/session.hpp"\n')
        self.assert_fine("agent/commands/x.cpp", '#include "commands/commands.hpp"\n')
        self.assert_fine("agent/config/x.hpp", '#include "freeze/settings.hpp"\n')
        self.assert_fine("agent/main.cpp", '#include "freeze/session.hpp"\n')
        self.assert_fine("host/x.cpp", '#include "qapi/commands.hpp"\n')

    def test_arrows_against_the_plan(self):
        self.assert_breach("common/x.cpp", '#include "system/event_loop.hpp"\n')
        self.assert_breach("agent/system/x.cpp", '#include "freeze/session.hpp"\n')
        self.assert_breach("agent/hooks/x.cpp", '#include "freeze/session.hpp"\n')
        self.assert_breach("agent/config/x.cpp", '#include "freeze/session.hpp"\n')
        self.assert_breach("agent/rpc/x.cpp", '#include "freeze/session.hpp"\n')
        self.assert_breach("host/x.cpp", '#include "rpc/dispatcher.hpp"\n')
        self.assert_breach("guard/x.cpp", '#include "common/result.hpp"\n')

    def test_json_stays_out_of_the_freeze(self):
        self.assert_breach("agent/freeze/x.cpp", '#include "common/json/value.hpp"\n')
        self.assert_breach("agent/hooks/x.cpp", '#include "common/json/value.hpp"\n')

    def test_one_command_file_does_not_know_another(self):
        self.assert_breach("agent/commands/x.cpp", '#include "commands/guest_file.hpp"\n')

    def test_a_library_has_one_home(self):
        self.assert_breach("agent/hooks/x.cpp", "#include <boost/process/v2.hpp>\n")
        self.assert_breach("agent/channel/x.cpp", "#include <libudev.h>\n")
        self.assert_breach("agent/freeze/x.cpp", "#include <libmount/libmount.h>\n")
        self.assert_breach("agent/rpc/x.cpp", "#include <json-glib/json-glib.h>\n")
        self.assert_breach("agent/freeze/x.cpp", "#include <glib.h>\n")

    def test_an_include_that_leads_nowhere(self):
        self.assert_breach("host/x.cpp", '#include "x.hpp"\n')

    def test_a_file_without_its_licence(self):
        self.assertEqual(len(self.complaints("host/x.cpp", "int x;\n", licence="")), 1)


if __name__ == "__main__":
    unittest.main()
