# SPDX-License-Identifier: Apache-2.0
"""A guest that reboots while it is frozen. Comes last: the shared guest ends with it."""

import time

from lab import fixture
from lab.qga import Qga

# Far below the freeze's own deadline (60 s) and the 90 s that systemd gives each service.
LIMIT = 40


class Reboot(fixture.GuestTest):
    """SIGTERM thaws first, so nothing that shuts the system down waits for a frozen file system."""

    def test_reboot_while_frozen_does_not_hang(self):
        # The end of the reboot is what counts, so QEMU needn't boot again.
        self.guest.qmp.command("set-action", reboot="shutdown", shutdown="pause")
        self.addCleanup(fixture.end_shared_guest)
        with Qga(self.guest.agent_socket) as client:
            client.sync()
            self.assertEqual(client.command("guest-fsfreeze-freeze"), len(fixture.PROBES))
        self.assert_blocked(self.start_writes())
        began = time.monotonic()
        self.guest.qmp.forget_events()
        self.shell.start("systemctl reboot")
        self.guest.qmp.wait_event("SHUTDOWN", LIMIT, guest=True, reason="guest-reset")
        print(f"rebooted after {time.monotonic() - began:.1f} s")
