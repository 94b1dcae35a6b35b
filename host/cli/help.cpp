// SPDX-License-Identifier: Apache-2.0
#include "host/cli/options.hpp"

namespace frostline::host {

std::string_view help_text()
{
    return R"(usage: frostline [--connect URI | --socket PATH [--qmp PATH]] [--json]
                 [--timeout T] VERB [GUEST...] [OPTION...] [-- COMMAND...]
GUEST is a libvirt domain (name, UUID or id). With --socket, the guest agent's
Unix socket, it is only a label. --qmp is the monitor of that QEMU.

  ping, info, status    is there an agent, which, what is it doing
  hooks [--check]       the guest's hooks; --check runs their checks
  freeze [--deadline T], thaw   by hand; a Frostline agent thaws itself after T
  exec GUEST -- CMD...  run a program in the guest, show its output and status
  snapshot [--name N] [--deadline T] [--require app|fs|crash]
           [--on-error abort|skip] [--lease-dir DIR] METHOD
                        freeze all guests, take the snapshot, thaw all, and say
                        what it is worth. METHOD is one of
    --overlay [--overlay-dir DIR]     new qcow2 overlays for all disks at once
    -- COMMAND...  [--report-dir DIR] run while all are frozen (docs/host.md)
    --backup DIR [--incremental], --copy DIR   copies of the disks in DIR
    --commit --name N                 fold the overlays of N back, guest running
  verify NAME.frostline.json            look into what was taken, read-only
  recover               finish what runs have left that died
  --json      one JSON document instead of a table
  --timeout T longest wait for one answer (10s; 3min for a freeze)
T is a number with ms, s or min; a bare number is seconds.
Exit status: 0 consistent, 1 usage, 2 not reached, 3 freeze failed, 4 snapshot
failed, 5 taken but below --require, 6 thaw not confirmed. See frostline(1).
)";
}

} // namespace frostline::host
