#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Servers with their data on the guest's virtio disks, beside PostgreSQL:
#
#   databases.sh make     makes them, empty
#   databases.sh start    starts them, on what is there; returns when all answer
#   databases.sh stop     ends them at once, as a crash would
#   databases.sh remove   stops them, and takes away what they had
set -eu

units='lab-mariadb lab-redis lab-etcd'

ask() {
    mariadb --no-defaults --socket=/run/lab/mysqld.sock --user=root -e "$1"
}

make() {
    mkdir -p /run/lab /srv/pgdata/mysql /srv/pgwal/redis /srv/pgdata/etcd
    chown nobody /run/lab /srv/pgdata/mysql /srv/pgwal/redis /srv/pgdata/etcd
    mariadb-install-db --no-defaults --datadir=/srv/pgdata/mysql --user=nobody --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user=root \
        --innodb-log-file-size=8M >/run/lab/install.log
    start
    ask "CREATE DATABASE test;
        CREATE TABLE test.inno (client VARCHAR(8), number INT, filler TEXT, PRIMARY KEY (client, number))
            ENGINE=InnoDB;
        CREATE TABLE test.my (client VARCHAR(8), number INT, filler TEXT, PRIMARY KEY (client, number))
            ENGINE=MyISAM;"
    sqlite3 /srv/pgwal/lab.db "PRAGMA journal_mode=WAL;
        CREATE TABLE test (client TEXT, number INTEGER, filler TEXT, PRIMARY KEY (client, number));" >/dev/null
}

# run NAME COMMAND...: as a unit of systemd.
run() {
    name=$1
    shift
    systemctl reset-failed "lab-$name" 2>/dev/null || :
    systemd-run --quiet --unit="lab-$name" --uid=nobody "$@"
}

start() {
    mkdir -p /run/lab
    chown nobody /run/lab
    ln -sf /usr/bin/redis-check-rdb /run/lab/redis-server
    run mariadb mariadbd --no-defaults --datadir=/srv/pgdata/mysql --socket=/run/lab/mysqld.sock \
        --skip-networking --innodb-log-file-size=8M --innodb-buffer-pool-size=16M \
        --aria-pagecache-buffer-size=1M --log-bin=binlog
    run redis /run/lab/redis-server --dir /srv/pgwal/redis --port 0 --unixsocket /run/lab/redis.sock \
        --save '3600 1'
    run etcd etcd --data-dir /srv/pgdata/etcd --logger zap --log-level error
    limit=600
    until ask 'SELECT 1' >/dev/null 2>&1 && [ "$(redis-cli -s /run/lab/redis.sock ping 2>&1)" = PONG ] &&
        grep -q ' 0100007F:094B [0-9A-F:]* 0A ' /proc/net/tcp; do
        limit=$((limit - 1))
        [ "$limit" -gt 0 ] || {
            for unit in $units; do
                systemctl --no-pager status "$unit"
            done
            exit 1
        }
        sleep 0.2
    done
}

stop() {
    for unit in $units; do
        systemctl kill --signal=KILL "$unit" 2>/dev/null || :
    done
    for unit in $units; do
        systemctl stop "$unit" 2>/dev/null || :
    done
}

remove() {
    stop
    rm -rf /run/lab /srv/pgdata/mysql /srv/pgwal/redis /srv/pgdata/etcd /srv/pgwal/lab.db*
}

"$1"
