# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What the shipped hooks share. Each of them reads this file first, from the folder that it lies in.
# Nothing here writes a file, and nothing waits.

phase=${1:-}

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The application isn't here, doesn't run, or has nothing on what is about to be frozen.
skip() {
    printf '%s\n' "$*" >&2
    exit 77
}

# busy SECONDS REASON: worth another try after so many seconds.
busy() {
    say "RETRY-AFTER=$1"
    shift
    printf '%s\n' "$*" >&2
    exit 75
}

# known_phases PHASE...: ends with a hint when this was called with another one.
known_phases() {
    case " $* " in
    *" $phase "*) [ -z "$phase" ] || return 0 ;;
    esac
    printf 'usage: %s %s\n' "${0##*/}" "$(say "$*" | tr ' ' '|')" >&2
    exit 64
}

# Since the machine has started, in steps of 10 ms. No jump of the clock changes it.
now_ms() {
    read -r uptime _ </proc/uptime
    say "$((${uptime%.*} * 1000 + 1${uptime#*.} * 10 - 1000))"
}

# limit_ms MARGIN: sets when this hook gives up by itself, a margin before the agent would end it, so
# that the reason is told.
limit_ms() {
    end_ms=$(($(now_ms) + ${FROSTLINE_TIMEOUT_MS:-10000} - $1))
}

left_ms() {
    say $((end_ms - $(now_ms)))
}

# within COMMAND...: runs it for as long as there is time, then ends it (status 124).
within() {
    left=$(left_ms)
    [ "$left" -gt 0 ] || return 124
    timeout "$((left / 1000)).$(printf '%03d' $((left % 1000)))" "$@"
}

# read_settings FILE KNOWN: calls set_one KEY VALUE for each line. That returns 1 for what it doesn't
# know, which ends the hook with KNOWN as the hint. No file, no settings.
read_settings() {
    [ -e "$1" ] || return 0
    [ -r "$1" ] || fail "$1: cannot be read by $(id -un); chmod it 0644"
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        case $line in
        '' | '#'*) continue ;;
        *=*) ! set_one "${line%%=*}" "${line#*=}" || continue ;;
        esac
        fail "$1:$number: '$line': known are $2, each as KEY=VALUE"
    done <"$1"
}

# A file with a secret in it must be nobody else's to read.
need_secret() {
    case $(stat -c %a -- "$1" 2>/dev/null) in
    400 | 600) ;;
    '') fail "$1: is not there" ;;
    *) fail "$1: has a secret in it and can be read by others (chmod 600)" ;;
    esac
}

# processes NAME...: the numbers of those that run, one a line. From /proc: not every image has pgrep,
# and a program for each process there is would take long. Left out are those in containers (a process
# namespace of their own), which are another matter; those that have ended and are only not collected
# yet, which have no command line any more; and shells like this one, since a script is called as its
# file.
processes() {
    names=" $* "
    own=$(readlink /proc/self/ns/pid)
    shell=$(readlink "/proc/$$/exe")
    for process in /proc/[0-9]*; do
        read -r program 2>/dev/null <"$process/comm" || continue
        case $names in *" $program "*) ;; *) continue ;; esac
        words=
        IFS= read -r words 2>/dev/null <"$process/cmdline" || [ -n "$words" ] || continue
        space=$(readlink "$process/ns/pid")
        [ "${space:-$own}" = "$own" ] || continue
        [ "$(readlink "$process/exe")" = "$shell" ] || say "${process#/proc/}"
    done
}

container=      # "docker NAME" or "podman NAME"
container_user= # who asks in there; empty: who the container's own commands run as

# set_container KEY=VALUE: takes that setting; returns 1 when it is another one, or wrong.
set_container() {
    case $1 in
    CONTAINER='docker '?* | CONTAINER='podman '?*) container=${1#CONTAINER=} ;;
    *) return 1 ;;
    esac
}

# Sets container_pid, the first process of $container; skips when it doesn't run.
need_container() {
    runtime=${container%% *}
    command -v "$runtime" >/dev/null || fail "$runtime is not installed (PATH is $PATH)"
    state=$(within "$runtime" inspect --format '{{.State.Running}} {{.State.Pid}}' "${container#* }" \
        2>&1 </dev/null)
    case $state in
    'true '[1-9]*) container_pid=${state#true } ;;
    'false '*) skip "the container ${container#* } does not run" ;;
    *) fail "the container ${container#* }: ${state:-$runtime did not answer within the limit}" ;;
    esac
}

# in_container COMMAND...: with our standard input and output.
in_container() {
    if [ -n "$container_user" ]; then
        "${container%% *}" exec -i -u "$container_user" "${container#* }" "$@"
    else
        "${container%% *}" exec -i "${container#* }" "$@"
    fi
}

# from_outside PATH: where a path in $container is for this hook. What is on no volume lies on the upper
# layer of the container's overlay; a freeze of the overlay itself is not possible.
from_outside() {
    outer=/proc/$container_pid/root$1
    if [ "$(stat -f -c %T -- "$outer" 2>/dev/null)" != overlayfs ]; then
        say "$outer"
        return
    fi
    upper=$(awk '$5 == "/" && match($0, /[ ,]upperdir=[^, ]*/) {
        print substr($0, RSTART + 10, RLENGTH - 10) }' "/proc/$container_pid/mountinfo")
    case $upper in
    /*) say "$upper" ;;
    # The runtime may have shortened it to what is left from a folder that it was in.
    *) "${container%% *}" inspect --format '{{.GraphDriver.Data.UpperDir}}' "${container#* }" </dev/null ;;
    esac
}

# argument_of PID NAME: what follows --NAME on the command line of a process, as its own word or
# after "=".
argument_of() {
    tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" | awk -v name="$2" '
        taken { print; exit }
        $0 == "--" name || $0 == "-" name { taken = 1 }
        index($0, "--" name "=") == 1 { print substr($0, length(name) + 4); exit }
        index($0, "-" name "=") == 1 { print substr($0, length(name) + 3); exit }'
}

# environment_of PID NAME: a variable that a process was started with.
environment_of() {
    tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | sed -n "s/^$2=//p"
}

# has_line TEXT LINE
has_line() {
    case "
$1
" in
    *"
$2
"*) return 0 ;;
    esac
    return 1
}

# Whether what a path lies on is about to be frozen; outside a freeze (check), everything is. Sets
# mount_point, empty when the path is not there. One file system may be mounted in several places, so
# its device counts as well.
will_freeze() {
    mount_point=$(stat -c %m -- "$1" 2>/dev/null)
    [ -n "${FROSTLINE_MOUNTS:-}" ] || return 0
    [ -n "$mount_point" ] || return 1
    [ -n "${frozen_mounts:-}" ] || frozen_mounts=$(tr '\0' '\n' <"$FROSTLINE_MOUNTS")
    ! has_line "$frozen_mounts" "$mount_point" || return 0
    [ -n "${frozen_devices:-}" ] ||
        frozen_devices=$(xargs -0 -r stat -c %d -- <"$FROSTLINE_MOUNTS" 2>/dev/null)
    has_line "$frozen_devices" "$(stat -c %d -- "$1" 2>/dev/null)"
}

# all_or_none NAME: reads places, one a line. Returns 1 when none of them is about to be frozen; when
# only a part is, no consistent snapshot is possible, and the hook fails.
all_or_none() {
    inside=0
    outside=
    while IFS= read -r listed; do
        [ -n "$listed" ] || continue
        if will_freeze "$listed"; then
            inside=$((inside + 1))
        else
            outside="$outside${outside:+, }$listed (on ${mount_point:-nothing: it is not there})"
        fi
    done
    [ "$inside" -gt 0 ] || return 1
    [ -z "$outside" ] || fail "$1: a part of it is left out of the freeze, so that no consistent" \
        "snapshot is possible: $outside"
}
