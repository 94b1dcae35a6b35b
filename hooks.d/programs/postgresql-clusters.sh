# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What the hooks for PostgreSQL share: which clusters run, where each writes, how it is asked. To be
# read after common.sh.

role=postgres
database=postgres
socket_directories=/var/run/postgresql:/tmp
data_directories=
# shellcheck disable=SC2034  # common.sh reads it
container_user=postgres

# The settings that all of them know.
set_common() {
    case $1=$2 in
    ROLE=?*) role=$2 ;;
    DATABASE=?*) database=$2 ;;
    SOCKET_DIRECTORIES=*) socket_directories=$2 ;;
    DATA_DIRECTORIES=*) data_directories=$2 ;;
    *) set_container "$1=$2" ;;
    esac
}
# shellcheck disable=SC2034  # for who reads this file
common_settings="ROLE, DATABASE, SOCKET_DIRECTORIES, DATA_DIRECTORIES, CONTAINER (docker or podman, and a name)"

# Whether a server of that user runs.
postgres_runs_as() {
    for server in $(processes postgres); do
        [ "$(stat -c %U -- "/proc/$server" 2>/dev/null)" != "$1" ] || return 0
    done
    return 1
}

# Prints the data directories that this machine has, one a line, each once.
list_data_directories() {
    {
        if command -v pg_lsclusters >/dev/null 2>&1; then
            # Version, name, port, status, owner, data directory, log file. Kept as far as fields
            # go: Debian's tools allow no blanks in them either.
            pg_lsclusters -h 2>/dev/null | awk '{ print $6 }'
        fi
        say "$data_directories" | tr ':' '\n'
        say "$socket_directories" | tr ':' '\n' | while IFS= read -r directory; do
            [ -n "$directory" ] || continue
            # By lock file: pgbouncer and others have sockets of the same name, but no such file.
            for lock in "$directory"/.s.PGSQL.*.lock; do
                [ -e "$lock" ] || continue
                if [ -r "$lock" ]; then
                    sed -n 2p "$lock"
                else
                    say "unreadable:${lock%.lock}"
                fi
            done
        done
    } | while IFS= read -r directory; do
        case $directory in
        '') ;;
        unreadable:*) say "$directory" ;;
        *) readlink -f -- "$directory" || say "$directory" ;;
        esac
    done | sort -u
}

# Sets port, socket and state (running or down) of the cluster in $data.
inspect_cluster() {
    state=down
    name=$data
    case $data in
    unreadable:*)
        socket=${data#unreadable:}
        name="server on $socket"
        # A server of another system user. Is anybody listening there?
        if grep -qF -- " $socket" /proc/net/unix; then
            fail "$name: belongs to another system user than $(id -un); give it a hook of its" \
                "own with User=, or remove its folder from SOCKET_DIRECTORIES"
        fi
        return 0
        ;;
    esac
    [ -d "$data" ] || return 0 # gone, or its file system isn't mounted: then nothing runs there
    if ! [ -r "$data" ] || ! [ -x "$data" ]; then
        owner=$(stat -c %U -- "$data")
        if [ "$owner" != "$(id -un)" ] && postgres_runs_as "$owner"; then
            fail "$data: belongs to $owner, but this hook runs as $(id -un); give the cluster a" \
                "hook of its own with User=$owner"
        fi
        return 0
    fi
    pid_file=$data/postmaster.pid
    [ -r "$pid_file" ] || return 0
    pid=$(sed -n 1p "$pid_file")
    case $pid in
    '' | *[!0-9]*) return 0 ;;
    esac
    # The file of a server that was killed stays; its number may belong to something else by now.
    [ "$(readlink -f "/proc/$pid/cwd" 2>/dev/null)" = "$data" ] || return 0
    port=$(sed -n 4p "$pid_file")
    socket=$(sed -n 5p "$pid_file")
    [ -n "$socket" ] || fail "$name: the server has no Unix socket (unix_socket_directories is" \
        "empty), so this hook cannot reach it"
    state=running
}

# The same for a server in a container, which runs when it answers.
inspect_container() {
    [ "$(id -u)" = 0 ] || fail "CONTAINER needs a hook file without User=: $(id -un) may not ask ${container%% *}"
    need_container
    name="container ${container#* }"
    socket=
    port=5432
    query "$database" 1000 "SHOW data_directory" || fail "$name: PostgreSQL does not answer: $trouble"
    data=$answer
    state=running
}

# Where the cluster in $data writes, one a line: data, WAL, tablespaces.
places() {
    if [ -n "$container" ]; then
        # shellcheck disable=SC2016  # for the shell in there
        in_container sh -c 'for place in "$1" "$1"/pg_wal "$1"/pg_tblspc/*; do
            [ ! -e "$place" ] || readlink -f "$place"; done' sh "$data" </dev/null |
            while IFS= read -r place; do
                from_outside "$place"
            done
        return
    fi
    say "$data"
    readlink -f -- "$data/pg_wal"
    for tablespace in "$data"/pg_tblspc/*; do
        if [ -e "$tablespace" ]; then
            readlink -f -- "$tablespace"
        fi
    done
}

# on_server DATABASE MILLISECONDS ARGUMENT...: psql, with no start-up file, never asking for a password,
# and with a limit on each statement.
on_server() {
    server_options="-c statement_timeout=$2 -c lock_timeout=1000 -c client_min_messages=error"
    to_database=$1
    shift 2
    [ -z "$socket" ] || set -- -h "$socket" -p "$port" "$@"
    set -- env PGCONNECT_TIMEOUT=3 PGAPPNAME=frostline PGOPTIONS="$server_options" \
        psql -X -w -A -t -q -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -U "$role" -d "$to_database" "$@"
    [ -z "$container" ] || set -- in_container "$@"
    "$@"
}

# query DATABASE MILLISECONDS STATEMENT: runs it; sets answer and trouble (what psql complained of).
query() {
    trouble_file=$TMPDIR/psql.$$
    answer=$(on_server "$1" "$2" -c "$3" </dev/null 2>"$trouble_file")
    outcome=$?
    trouble=$(tr '\n' ' ' <"$trouble_file")
    rm -f "$trouble_file"
    return "$outcome"
}

# each_cluster COMMAND: calls it for each cluster that runs, with its state in the variables above.
each_cluster() {
    running=0
    if [ -n "$container" ]; then
        clusters=$container
    else
        clusters=$(list_data_directories) || exit 1
    fi
    while IFS= read -r data; do
        [ -n "$data" ] || continue
        if [ -n "$container" ]; then
            inspect_container
        else
            inspect_cluster
        fi
        if [ "$state" = running ]; then
            running=$((running + 1))
            names="${names:-}${names:+, }$name"
            "$1"
        fi
    done <<END
$clusters
END
    [ "$running" -gt 0 ] || skip "no PostgreSQL server is running"
}
