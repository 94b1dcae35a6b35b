// SPDX-License-Identifier: Apache-2.0
#include "ctl/skeletons.hpp"

#include <string_view>

namespace frostline::ctl {

namespace {

std::string filled(std::string_view text, const std::string& name, const std::string& program)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t at = text.find('@');
        out += text.substr(0, at);
        if (at == std::string_view::npos) {
            break;
        }
        text.remove_prefix(at);
        const bool is_name = text.rfind("@NAME@", 0) == 0;
        const bool is_program = text.rfind("@PROGRAM@", 0) == 0;
        out += is_name ? name : is_program ? program : "@";
        text.remove_prefix(is_name ? 6 : is_program ? 9 : 1);
    }
    return out;
}

} // namespace

std::string session_program(const std::string& name)
{
    return filled(R"(#!/bin/sh
# @NAME@: a session hook. It makes its application still, stays for as long as the file
# systems are frozen, and says at the end whether the application was still all the time.
#
# Called as  @NAME@ hold   in a freeze,
#            @NAME@ check  on a rehearsal: could it hold? It changes nothing.
# Exit status: 0 done, 75 busy (try later), 77 not here or not running, else failed; the last
# line on standard error is the reason that the host sees.
set -u

running() {
    # TODO: is the application running? For instance: pidof -s mydb >/dev/null
    false
}

case "${1:-}" in
check)
    running || exit 77
    # TODO: can it be reached, and may this user do what "hold" does? Say what is missing:
    # mydb-client ping || { echo "mydb does not answer: is its socket ...?" >&2; exit 1; }
    exit 0
    ;;
hold)
    running || exit 77
    # TODO: make it still here. What holds must end with this process, or be undone below, also
    # when this process is killed: a lock that belongs to a connection is right.
    echo READY
    # While frozen: write nothing, start nothing, look nothing up. The next line is a shell's own.
    read -r _ # "thaw", or the end of input when the agent has died
    # TODO: let go. Exit 0 only if the application was still the whole time.
    exit 0
    ;;
*)
    echo "usage: $0 check|hold" >&2
    exit 1
    ;;
esac
)",
                  name, {});
}

std::string oneshot_program(const std::string& name)
{
    return filled(R"(#!/bin/sh
# @NAME@: a one-shot hook. It is run before the file systems are frozen, and after the thaw.
#
# Called as  @NAME@ freeze  before: write out what would be missing, or make something still,
#            @NAME@ thaw    after, also when the freeze failed: undo it,
#            @NAME@ check   on a rehearsal: would that work? It changes nothing.
# Exit status: 0 done, 75 busy (try later), 77 not here or not running, else failed; the last
# line on standard error is the reason that the host sees.
set -u

running() {
    # TODO: is the application running? For instance: pidof -s myapp >/dev/null
    false
}

running || exit 77
case "${1:-}" in
check)
    # TODO: can it be reached? Say what is missing on standard error, and exit 1.
    exit 0
    ;;
freeze)
    # TODO: flush, or make it still. It has 10 seconds, $FROSTLINE_TIMEOUT_MS says it exactly.
    exit 0
    ;;
thaw)
    # TODO: undo what "freeze" did. $FROSTLINE_OUTCOME: consistent, aborted or expired.
    exit 0
    ;;
*)
    echo "usage: $0 check|freeze|thaw" >&2
    exit 1
    ;;
esac
)",
                  name, {});
}

std::string session_file(const std::string& name, const std::string& program)
{
    return filled(
        R"(# What the agent is to know of this hook; "man frostline-agent" and docs/hooks.md have all keys.
[Hook]
Description=@NAME@
Type=session
Exec=@PROGRAM@
# Run as another user, whose access needs no password:
#User=mydb
FreezeTimeout=10s
ThawTimeout=10s
# A failure calls the freeze off; "continue" lets it go on, and the report says degraded:
#OnFailure=continue
# Only where this exists:
#ConditionPathExists=/usr/bin/mydb
# Only when the file system that holds this is about to be frozen:
#Filesystems=/var/lib/mydb
)",
        name, program);
}

} // namespace frostline::ctl
