#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# writer.pl PORT CLIENTS: CLIENTS database connections, each committing numbered records one
# after the other. Only when PostgreSQL has said that a record is committed, "CLIENT NUMBER" goes
# to PORT; so the host knows what may not be lost, whatever becomes of this guest.
use strict;
use warnings;
use Fcntl;

my ($port_path, $clients) = @ARGV;
sysopen(my $port, $port_path, O_WRONLY) or die "$port_path: $!";

my @psql = ('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres');
system(@psql, '-c', <<'SQL') == 0 or die "the table could not be made\n";
CREATE EXTENSION IF NOT EXISTS amcheck;
CREATE TABLE IF NOT EXISTS lab_records (
    client int, number bigint, payload text NOT NULL, checksum text NOT NULL,
    PRIMARY KEY (client, number));
SQL

my %sessions = map { my $session = start_session($_); (fileno($session->{out}) => $session) }
    1 .. $clients;

while (1) {
    my $bits = '';
    vec($bits, $_, 1) = 1 for keys %sessions;
    next if select($bits, undef, undef, undef) < 0;
    advance($sessions{$_}) for grep { vec($bits, $_, 1) } keys %sessions;
}

sub start_session {
    my ($client) = @_;
    pipe(my $from_us, my $in) or die "pipe: $!";
    pipe(my $out, my $to_us) or die "pipe: $!";
    my $pid = fork();
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        open(STDIN, '<&', $from_us) or die "stdin: $!";
        open(STDOUT, '>&', $to_us) or die "stdout: $!";
        close($_) for $from_us, $in, $out, $to_us, $port;
        exec(@psql) or die "psql: $!";
    }
    close($_) for $from_us, $to_us;
    my $session = { client => $client, in => $in, out => $out, text => '' };
    # Goes on where an earlier writer (or the guest that this one is a copy of) stopped.
    send_sql($session, "SELECT 'last ' || coalesce(max(number), 0) FROM lab_records"
            . " WHERE client = $client;");
    return $session;
}

sub advance {
    my ($session) = @_;
    my $count = sysread($session->{out}, $session->{text}, 4096, length $session->{text});
    die "psql of client $session->{client} ended\n" unless $count;
    while ($session->{text} =~ s/^([^\n]*)\n//) {
        my ($kind, $number) = split / /, $1;
        if ($kind eq 'done') {
            syswrite($port, "$session->{client} $number\n") or die "$port_path: $!";
        }
        insert($session, $number + 1);
    }
}

# psql prints what RETURNING gives only after the server has reported the commit.
sub insert {
    my ($session, $number) = @_;
    my $payload = "repeat(md5('$session->{client} $number'), 16)";
    send_sql($session, "INSERT INTO lab_records VALUES ($session->{client}, $number, $payload,"
            . " md5($payload)) RETURNING 'done ' || number;");
}

sub send_sql {
    my ($session, $sql) = @_;
    syswrite($session->{in}, "$sql\n") or die "psql: $!";
}
